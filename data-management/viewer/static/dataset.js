// A dataset: its episodes, filtered and chosen; scores, faults; and what can be done with them.

import { attempt, call, finish, get, make } from './api.js';
import { openers } from './curate.js';

const main = document.querySelector('main');
const { dataset, camera } = main.dataset;
const $ = (id) => document.getElementById(id);
const base = `/api/datasets/${dataset}`;
const may = { say: document.body.dataset.role !== 'viewer', edit: Boolean($('selection')) };
const SIZE = 24;
const QUICK = { all: '', failures: "outcome == 'failure'", 'not reviewed': 'review is None', accepted: "review == 'accept'", rejected: "review == 'reject'", 'low quality': 'quality.score < 0.6' };
const state = { page: 1, where: '', total: 0, chosen: new Set() };

const selection = () => (state.chosen.size
  ? { episodes: [...state.chosen].sort((a, b) => a - b).join(','), where: '', count: state.chosen.size }
  : { episodes: '', where: state.where, count: state.total });

function review(line) {
  const judge = (value) => attempt(async () => {
    await call('POST', `${base}/episodes/${line.episode}/annotations`, { kind: 'review', value });
    await show();
  });
  return make('span', { class: 'review', role: 'group', 'aria-label': `Review of episode ${line.episode}` },
    ...[['accept', '✓'], ['reject', '✗']].map(([value, sign]) => make('button', {
      type: 'button', class: value, title: `${value} episode ${line.episode}`, 'aria-pressed': String(line.review === value), disabled: !may.say, onclick: () => judge(value),
    }, sign)));
}

function tile(line) {
  const link = `/datasets/${dataset}/episodes/${line.episode}`;
  const picture = camera
    ? make('img', { src: `/api${link}/picture/${encodeURIComponent(camera)}`, alt: '', loading: 'lazy' })
    : make('span', { class: 'blank', 'aria-hidden': 'true' }, line.generator.startsWith('sha256:') ? line.generator.slice(7, 19) : line.task);
  const box = may.edit ? make('input', { type: 'checkbox', 'aria-label': `Choose episode ${line.episode}`, onchange: (event) => choose(line.episode, event.target.checked) }) : '';
  if (box) box.checked = state.chosen.has(line.episode);
  const notes = [`${line.seconds.toFixed(1)} s`, line.split, line.score === null ? '' : `quality ${line.score.toFixed(2)}`, line.rating ? '★'.repeat(line.rating) : ''];
  return make('li', { class: `episode ${line.review ?? ''}` }, box,
    make('a', { href: link }, picture, make('b', {}, `${line.episode}`, line.outcome ? make('span', { class: `outcome ${line.outcome}` }, line.outcome) : ''),
      make('small', {}, notes.filter(Boolean).join(' · ')), ...line.labels.slice(0, 3).map((label) => make('span', { class: 'label' }, label))),
    main.querySelector('#quick') ? review(line) : '');
}

function choose(episode, chosen) {
  if (chosen) state.chosen.add(episode); else state.chosen.delete(episode);
  told();
}

function told() {
  if (!may.edit) return;
  const count = state.chosen.size;
  $('chosen').textContent = count ? `${count} chosen` : `All ${state.total}${state.where ? ' that match' : ''}`;
  $('clear').hidden = !count;
}

async function show() {
  const found = await get(`${base}/episodes?where=${encodeURIComponent(state.where)}&page=${state.page}&size=${SIZE}`);
  state.total = found.total;
  const pages = Math.max(1, Math.ceil(found.total / SIZE));
  const turn = (to, text) => make('button', { type: 'button', disabled: to < 1 || to > pages, onclick: () => { state.page = to; attempt(show); } }, text);
  const jump = make('input', { type: 'number', min: 1, max: pages, value: state.page, 'aria-label': 'Page', onchange: (event) => { state.page = Math.min(pages, Math.max(1, Number(event.target.value) || 1)); attempt(show); } });
  $('lines').replaceChildren(
    found.total ? make('ul', { class: 'episodes' }, ...found.items.map(tile)) : make('p', { class: 'empty' }, 'No episode matches.'),
    pages > 1 ? make('nav', { class: 'pager', 'aria-label': 'Pages' }, turn(state.page - 1, 'Previous'), jump, make('span', {}, `of ${pages.toLocaleString('en')}`), turn(state.page + 1, 'Next')) : '');
  $('lines').removeAttribute('aria-busy');
  told();
}

function filter(where) {
  state.where = where;
  state.page = 1;
  state.chosen.clear();
  for (const chip of document.querySelectorAll('#quick button')) chip.setAttribute('aria-pressed', String(QUICK[chip.textContent] === where));
  return attempt(show);
}

function histogram(episodes) {
  const bins = Array.from({ length: 20 }, () => []);
  for (const each of episodes) bins[Math.min(19, Math.floor(each.score * 20))].push(each.episode);
  const most = Math.max(...bins.map((bin) => bin.length));
  return make('div', { class: 'histogram', role: 'group', 'aria-label': 'Episodes by score' }, ...bins.map((bin, number) => {
    const from = (number / 20).toFixed(2);
    const to = ((number + 1) / 20).toFixed(2);
    const bar = make('button', { type: 'button', title: `${bin.length} of ${from} to ${to}`, disabled: !bin.length, onclick: () => {
      $('where').value = `quality.score >= ${from} and quality.score ${number === 19 ? '<=' : '<'} ${to}`;
      filter($('where').value);
      $('episodes').scrollIntoView();
    } }, make('i'), make('small', {}, number % 5 ? '' : from));
    bar.firstChild.style.height = `${bin.length ? Math.max(4, (100 * bin.length) / most) : 0}%`;
    return bar;
  }));
}

const SCORES = ['score', 'smoothness', 'idle', 'efficiency', 'coverage', 'sharpness'];

async function quality() {
  const report = await get(`${base}/quality`);
  if (!report) {
    $('scores').replaceChildren(make('p', { class: 'empty' }, 'Not judged yet. Smoothness, idle time, path efficiency, coverage and sharpness tell which episodes to look at first.'));
    return;
  }
  const worst = [...report.episodes].sort((a, b) => a.score - b.score).slice(0, 6);
  const number = (value) => make('td', { class: 'number' }, value === null ? '–' : value.toFixed(2));
  $('scores').replaceChildren(
    make('div', { class: 'pair' },
      make('div', {}, make('h3', {}, 'Episodes by score'), histogram(report.episodes)),
      make('div', {}, make('h3', {}, 'The worst'), make('div', { class: 'scroll' }, make('table', {},
        make('thead', {}, make('tr', {}, make('th', {}, 'episode'), ...SCORES.map((name) => make('th', { class: 'number' }, name)))),
        make('tbody', {}, ...worst.map((each) => make('tr', { title: Object.values(each.reasons).join('; ') }, make('td', {}, make('a', { href: `/datasets/${dataset}/episodes/${each.episode}` }, `${each.episode}`)), ...SCORES.map((name) => number(each[name])))))))))); 
}

async function validation() {
  const report = await get(`${base}/validation`);
  if (!report) {
    $('findings').replaceChildren(make('p', { class: 'empty' }, 'Not validated since it changed. Validation reads every row and decodes every frame.'));
    return;
  }
  $('findings').replaceChildren(report.findings.length
    ? make('div', { class: 'scroll' }, make('table', {}, make('thead', {}, make('tr', {}, ...['episode', 'defect', 'finding'].map((name) => make('th', {}, name)))),
      make('tbody', {}, ...report.findings.map((each) => make('tr', {}, make('td', {}, each.episode === null || each.episode === undefined ? 'dataset' : make('a', { href: `/datasets/${dataset}/episodes/${each.episode}` }, `${each.episode}`)), make('td', {}, make('span', { class: `verdict ${each.severity}` }, each.severity), make('br'), make('code', {}, each.defect)), make('td', {}, each.detail, make('br'), make('small', { class: 'note' }, each.mend)))))))
    : make('p', { class: 'fit' }, `None of ${report.kinds} kinds of defect was found in ${report.episodes} episodes.`));
}

const work = (path, after) => attempt(async () => { await finish(await call('POST', `${base}/${path}`)); await after(); await show(); });

if ($('quick')) {
  $('quick').append(...Object.keys(QUICK).map((name) => make('button', { type: 'button', 'aria-pressed': String(name === 'all'), onclick: () => { $('where').value = QUICK[name]; filter(QUICK[name]); } }, name)));
  $('where-form').addEventListener('submit', (event) => { event.preventDefault(); filter($('where').value.trim()); });
  $('judge')?.addEventListener('click', () => work('quality', quality));
  $('validate')?.addEventListener('click', () => work('validation', validation));
  attempt(quality);
  attempt(validation);
}
if (may.edit) {
  $('clear').addEventListener('click', () => { state.chosen.clear(); attempt(show); });
  $('choose-all').addEventListener('click', () => attempt(async () => {
    for (let page = 1; ; page += 1) {
      const found = await get(`${base}/episodes?where=${encodeURIComponent(state.where)}&page=${page}&size=200`);
      for (const each of found.items) state.chosen.add(each.episode);
      if (page * 200 >= found.total) break;
    }
    await show();
  }));
  openers({ dataset, base, selection });
}
attempt(show);
