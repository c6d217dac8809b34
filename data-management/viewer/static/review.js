// Reviewing: a queue of episodes, each seen, decided by a key, and followed by the next.

import { attempt, call, get, make, tell } from './api.js';
import { openers } from './curate.js';
import { Clock } from './player.js';
import { plots } from './plot.js';
import { address, films, transport } from './stage.js';

const main = document.getElementById('review');
const { dataset, camera } = main.dataset;
const base = `/api/datasets/${dataset}`;
const $ = (id) => document.getElementById(id);
const MOST = 200; // episodes in the queue at once; the next follow when they are decided
const DECISIONS = { all: '', open: 'review is None', accept: "review == 'accept'", reject: "review == 'reject'", unsure: "review == 'unsure'" };
const NAMES = { all: 'all', open: 'to decide', accept: 'accepted', reject: 'rejected', unsure: 'unsure' };
const SIGNS = { accept: '✓', reject: '✗', unsure: '?' };
const asked = new URLSearchParams(location.search);
const state = {
  decision: asked.get('decision') in DECISIONS ? asked.get('decision') : 'open',
  outcome: asked.get('outcome') ?? 'all',
  items: [], total: 0, at: 0, beside: true, chosen: new Set(), view: null, clock: null, busy: false,
};
const may = { decide: Boolean(document.querySelector('[data-review]')), edit: Boolean($('selection')) };
const short = (digest) => digest.replace(/^sha256:/, '').slice(0, 12);

const where = () => [DECISIONS[state.decision], state.outcome === 'all' ? '' : `outcome == '${state.outcome}'`, state.synthetic ? 'synthetic' : ''].filter(Boolean).join(' and ');

const selection = () => (state.chosen.size
  ? { episodes: [...state.chosen].sort((a, b) => a - b).join(','), where: '', count: state.chosen.size }
  : { episodes: '', where: where(), count: state.total });

function chips(id, names, present, pick) {
  $(id).replaceChildren(...names.map(([name, text]) => make('button', { type: 'button', 'data-name': name, 'aria-pressed': String(name === present), onclick: () => pick(name) }, text)));
}

let counting = 0;

async function counts() {
  const turn = ++counting;
  const found = await get(`${base}/review`);
  if (turn !== counting) return; // a later answer is on its way
  const all = Object.values(found.decisions).reduce((sum, count) => sum + count, 0);
  chips('decisions', Object.entries(NAMES).map(([name, text]) => [name, `${text} ${name === 'all' ? all : found.decisions[name]}`]), state.decision, (name) => refilter({ decision: name }));
  const outcomes = [['all', 'any outcome'], ...Object.entries(found.outcomes).map(([name, count]) => [name, `${name} ${count}`])];
  chips('outcomes', outcomes, state.outcome, (name) => refilter({ outcome: name }));
  if (found.synthetic && found.synthetic < all) {
    $('outcomes').append(make('button', { type: 'button', 'data-name': 'synthetic', 'aria-pressed': String(Boolean(state.synthetic)), onclick: () => refilter({ synthetic: !state.synthetic }) }, `synthetic ${found.synthetic}`));
  }
  $('policies').replaceChildren(...Object.entries(found.policies).flatMap(([digest, count]) => ['policy ', make('code', { title: digest }, short(digest)), ` ${count} `]));
  leftOut(found);
  if (found.film && $('film').hidden) {
    $('film').hidden = false;
    $('film').append(make('video', { controls: true, muted: true, playsinline: true, preload: 'metadata', src: `${base}/film` }));
  }
}

function leftOut(found) {
  if (!found.left_out_total) return;
  $('left-out').hidden = false;
  const scores = (checks) => checks.map((each) => `${each.name} ${number(each.value)}`).join(', ');
  $('left-out').querySelector('h2').textContent = `Left out ${found.left_out_total}`;
  $('left-out').querySelector('.scroll').replaceChildren(make('table', {},
    make('thead', {}, make('tr', {}, ...['clip', 'of episode', 'because', 'scores'].map((name) => make('th', {}, name)))),
    make('tbody', {}, ...found.left_out.map((each) => make('tr', {},
      make('td', {}, each.clip ? make('code', {}, each.clip) : 'episode'),
      make('td', {}, each.original ? make('a', { href: `/datasets/${each.original.replace('/', '/episodes/')}` }, `${each.source_episode}`) : `${each.source_episode ?? ''}`),
      make('td', {}, ...each.reasons.map((reason) => make('div', {}, reason))),
      make('td', {}, make('small', {}, scores(each.checks))))))));
}

function number(value) {
  return Math.abs(value) >= 100 || Number.isInteger(value) ? value.toFixed(0) : value.toPrecision(3);
}

async function refilter(change) {
  Object.assign(state, change);
  state.chosen.clear();
  await attempt(async () => { await load(); await counts(); });
}

async function load(wanted) {
  const found = await get(`${base}/episodes?where=${encodeURIComponent(where())}&size=${MOST}`);
  state.items = found.items;
  state.total = found.total;
  const at = state.items.findIndex((line) => line.episode === wanted);
  drawQueue();
  await show(Math.max(0, at));
}

function drawQueue() {
  $('queue').replaceChildren(...state.items.map((line, place) => {
    const picture = camera ? make('img', { src: `${address(dataset, line.episode)}/picture/${encodeURIComponent(camera)}`, alt: '', loading: 'lazy' }) : '';
    const box = may.edit ? make('input', { type: 'checkbox', 'aria-label': `Choose episode ${line.episode}`, onchange: (event) => choose(line.episode, event.target.checked) }) : '';
    if (box) box.checked = state.chosen.has(line.episode);
    return make('div', { class: `item ${line.review ?? ''}`, 'data-episode': line.episode, 'aria-current': place === state.at ? 'true' : null }, box,
      make('button', { type: 'button', onclick: () => attempt(() => show(place)) }, picture, make('b', {}, `${line.episode}`), line.outcome ? make('span', { class: `outcome ${line.outcome}` }, line.outcome) : '', make('small', { class: 'mark', title: NAMES[line.review] }, SIGNS[line.review] ?? '')));
  }));
  if (state.total > state.items.length) $('queue').append(make('p', { class: 'note' }, `${state.total - state.items.length} more follow`));
  told();
}

function choose(episode, chosen) {
  if (chosen) state.chosen.add(episode); else state.chosen.delete(episode);
  const box = document.querySelector(`[data-episode="${episode}"] input`);
  if (box) box.checked = chosen;
  told();
}

function told() {
  if (!may.edit) return;
  $('chosen').textContent = state.chosen.size ? `${state.chosen.size} chosen` : `All ${state.total}${where() ? ' that match' : ''}`;
  $('clear').hidden = !state.chosen.size;
}

const address2 = (text) => text.split('/');

// What belongs beside this episode: what it was made from, or another policy under the same condition.
function besideOf(view) {
  if (view.original) return { where: view.original, label: view.verified ? 'original' : 'as it was' };
  const rival = view.rivals[0];
  return rival ? { where: rival.address, label: `policy ${short(rival.policy)}: ${rival.outcome}` } : null;
}

async function show(at) {
  const line = state.items[at];
  $('seen').hidden = !line;
  $('nothing').hidden = Boolean(line);
  state.clock?.pause();
  if (!line) {
    state.view = null;
    state.clock = null;
    $('nothing').textContent = state.decision === 'open' ? 'Nothing is left to decide here.' : 'No episode matches.';
    return;
  }
  state.at = at;
  $('queue').querySelector('[aria-current]')?.removeAttribute('aria-current');
  $('queue').querySelector(`[data-episode="${line.episode}"]`)?.setAttribute('aria-current', 'true');
  const current = $('queue').querySelector('[aria-current]');
  if (current) $('queue').scrollTop = current.offsetTop - $('queue').clientHeight / 3;
  const view = await get(address(dataset, line.episode));
  const other = state.beside ? besideOf(view) : null;
  const beside = other ? await attempt(() => get(address(...address2(other.where)))) : null; // a damaged one keeps no other from review
  if (state.items[at] !== line || state.at !== at) return; // another was asked for meanwhile
  state.view = view;
  const clock = new Clock(Math.max(view.seconds, beside?.seconds ?? 0), view.rate_hz);
  const mine = view.clips.length ? films(view, clock, beside ? `episode ${view.episode}` : '') : [];
  const theirs = beside?.clips.length ? films(beside, clock, other.label) : [];
  $('films').replaceChildren(...mine.flatMap((film, place) => (theirs[place] ? [film, theirs[place]] : [film])), ...theirs.slice(mine.length));
  $('films').className = `films of-${Math.min(4, mine.length + theirs.length)}`;
  const options = (of) => ({ rate: of.rate_hz, step: of.step, seconds: of.seconds, clock });
  const first = plots(view.series, options(view));
  const second = beside ? plots(beside.series, options(beside)) : [];
  main.classList.toggle('two', Boolean(beside));
  $('plots').replaceChildren(...first.flatMap((plot, place) => (second[place] ? [plot.element, second[place].element] : [plot.element])));
  transport(clock, []);
  $('which').replaceChildren(`Episode ${view.episode} `, make('small', {}, `${at + 1} of ${state.total}`), ' ', view.outcome ? make('span', { class: `outcome ${view.outcome}` }, view.outcome) : '');
  facts(view);
  checks(view);
  decided(view.said);
  state.clock = clock;
  main.clock = clock; // for whoever watches the page from outside
  main.dataset.episode = view.episode;
  history.replaceState(null, '', `?${new URLSearchParams({ decision: state.decision, outcome: state.outcome, episode: view.episode })}`);
}

function facts(view) {
  const lines = [
    ['Task', view.task], ['Outcome', view.outcome ?? 'unknown'], ['Length', `${view.seconds.toFixed(1)} s, ${view.rows} rows`],
    ['Policy', view.policy ? make('code', { title: view.policy }, short(view.policy)) : ''], ['By', view.policy ? '' : view.generator], ['World', view.world],
    [view.policy ? 'Condition' : 'Made from episode', view.source_episode === null ? '' : `${view.source_episode} of ${short(view.source)}`],
    ['Model', view.verified ? `${view.verified.backend}, ${view.verified.model}` : ''], ['Prompt', view.verified?.prompt ?? ''],
    ['Varied', Object.entries(view.parameters).map(([name, value]) => `${name} ${number(value)}`).join(', ')],
  ].filter(([, text]) => text);
  const rivals = view.rivals.map((each) => make('a', { class: 'button', href: `/datasets/${dataset}/episodes/${view.episode}?against=${each.address}` }, `Beside ${short(each.policy)}: ${each.outcome}`));
  $('facts').replaceChildren(make('h2', {}, 'Facts'), make('dl', {}, ...lines.flatMap(([name, text]) => [make('dt', {}, name), make('dd', {}, text)])),
    make('p', { class: 'links' }, make('a', { class: 'button', href: `/datasets/${dataset}/episodes/${view.episode}` }, 'Open episode'), ...rivals));
}

function checks(view) {
  const found = view.verified;
  if (found) {
    $('checks').replaceChildren(make('h2', {}, 'Checks ', make('small', {}, found.clip)),
      make('table', {}, make('thead', {}, make('tr', {}, make('th', {}, 'score'), make('th', { class: 'number' }, 'measured'), make('th', { class: 'number' }, 'limit'))),
        make('tbody', {}, ...found.checks.map((each) => make('tr', {}, make('td', {}, each.name), make('td', { class: each.holds ? 'number' : 'number wrong' }, number(each.value)), make('td', { class: 'number' }, each.limit || '–'))))),
      found.vote ? make('p', { class: 'note' }, `Judge: ${found.vote}`) : '');
  } else if (view.quality) {
    $('checks').replaceChildren(make('h2', {}, `Quality ${view.quality.score.toFixed(2)}`), make('ul', { class: 'comments' }, ...Object.values(view.quality.reasons).map((text) => make('li', {}, text))));
  } else {
    $('checks').replaceChildren();
  }
}

function decided(said) {
  for (const button of document.querySelectorAll('[data-review]')) button.setAttribute('aria-pressed', String(button.dataset.review === said.review));
  const who = said.decision;
  const back = who && may.decide ? make('button', { type: 'button', id: 'take-back', onclick: () => attempt(takeBack) }, 'Take back') : '';
  $('decision').replaceChildren(...(who ? [`${NAMES[said.review]} by ${who.author}, ${new Date(who.at).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'short' })} `, back] : ['Not decided yet.']));
  const item = $('queue').querySelector(`[data-episode="${state.view.episode}"]`);
  if (item) {
    item.className = `item ${said.review ?? ''}`;
    item.querySelector('.mark').textContent = SIGNS[said.review] ?? '';
  }
}

async function takeBack() {
  state.view.said = await call('DELETE', `${address(dataset, state.view.episode)}/annotations/${state.view.said.decision.id}`);
  decided(state.view.said);
  await counts();
}

async function decide(value) {
  if (!state.view || state.busy || !may.decide) return;
  state.busy = true; // one key press decides one episode
  try {
    state.view.said = await call('POST', `${address(dataset, state.view.episode)}/annotations`, { kind: 'review', value });
    decided(state.view.said);
    attempt(counts); // nobody waits for it
    await step(1);
  } finally {
    state.busy = false;
  }
}

async function undo() {
  const done = await call('POST', `${base}/annotations/undo`);
  tell(done.episodes.length > 1 ? `Undone in ${done.episodes.length} episodes` : `Undone in episode ${done.episodes[0]}`);
  await Promise.all([load(done.episodes[0]), counts()]);
}

async function step(by) {
  const at = state.at + by;
  if (at >= 0 && at < state.items.length) return show(at);
  if (by > 0 && state.decision === 'open') return load(); // what was skipped, and what did not fit
  if (by > 0) tell('That was the last one.');
  return null;
}

const does = {
  a: () => decide('accept'), r: () => decide('reject'), u: () => decide('unsure'),
  z: () => may.decide && undo(), n: () => step(1), p: () => step(-1),
  o: () => { state.beside = !state.beside; return show(state.at); },
  x: () => { if (state.view && may.edit) choose(state.view.episode, !state.chosen.has(state.view.episode)); },
  ' ': () => (state.clock?.playing ? state.clock.pause() : state.clock?.play()),
  ArrowLeft: () => { state.clock?.pause(); state.clock?.toFrame(state.clock.frame - 1); },
  ArrowRight: () => { state.clock?.pause(); state.clock?.toFrame(state.clock.frame + 1); },
  '?': () => { const keys = document.querySelector('.transport .keys'); keys.open = !keys.open; },
};
document.addEventListener('keydown', (event) => {
  if (event.target.closest('input:not([type=range]):not([type=checkbox]), textarea, select, dialog') || event.ctrlKey || event.metaKey || event.altKey || event.repeat && event.key.length === 1) return;
  const act = does[event.key];
  if (!act || (event.key === ' ' && event.target.closest('button, summary, a, input'))) return;
  event.preventDefault();
  attempt(async () => act());
});
for (const button of document.querySelectorAll('[data-review]')) button.addEventListener('click', () => attempt(() => decide(button.dataset.review)));
$('next').addEventListener('click', () => attempt(() => step(1)));
$('previous').addEventListener('click', () => attempt(() => step(-1)));

if (may.edit) {
  $('clear').addEventListener('click', () => { state.chosen.clear(); drawQueue(); });
  $('choose-all').addEventListener('click', () => { for (const line of state.items) state.chosen.add(line.episode); drawQueue(); });
  openers({ dataset, base, selection });
}
attempt(async () => {
  await Promise.all([load(asked.has('episode') ? Number(asked.get('episode')) : undefined), counts()]);
});
