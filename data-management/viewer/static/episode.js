// The page of an episode: films and plots on one clock, keys, and another episode beside it.

import { attempt, call, get, make, tell } from './api.js';
import { Clock } from './player.js';
import { plots } from './plot.js';
import { address, films, showMarks, transport } from './stage.js';

const root = document.getElementById('episode');
const { dataset, against } = root.dataset;
const episode = Number(root.dataset.episode);
const $ = (id) => document.getElementById(id);
const SPEEDS = [...$('speed').options].map((option) => option.text);

function keys(clock) {
  const faster = (by) => {
    const at = Math.min(SPEEDS.length - 1, Math.max(0, SPEEDS.indexOf($('speed').value) + by));
    $('speed').value = SPEEDS[at];
    clock.speed = Number(SPEEDS[at]);
  };
  const move = (frames) => { clock.pause(); clock.toFrame(clock.frame + frames); };
  const go = (rel) => { const link = document.querySelector(`.steps [rel=${rel}]`); if (!link.ariaDisabled) link.click(); };
  const does = {
    ' ': () => (clock.playing ? clock.pause() : clock.play()),
    k: () => (clock.playing ? clock.pause() : clock.play()),
    ArrowLeft: (event) => move(event.shiftKey ? -clock.rate : -1),
    ArrowRight: (event) => move(event.shiftKey ? clock.rate : 1),
    Home: () => move(-Infinity),
    End: () => move(clock.last - clock.frame),
    '-': () => faster(-1), '+': () => faster(1), '=': () => faster(1),
    n: () => go('next'), p: () => go('prev'),
    '?': () => { const keys = document.querySelector('.keys'); keys.open = !keys.open; },
  };
  document.addEventListener('keydown', (event) => {
    if (event.target.closest('input:not([type=range]), textarea, select') || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = does[event.key] ?? judge[event.key];
    if (!act || (event.key === ' ' && event.target.closest('button, summary, a'))) return;
    event.preventDefault();
    act(event);
  });
}

// Subtasks that the dataset tells, and those that people marked.
const marksOf = (view) => [...view.marks, ...view.said.subtasks.map((each) => ({ at_s: each.from_row / view.rate_hz, to_s: each.to_row / view.rate_hz, text: each.value, id: each.id }))].sort((a, b) => a.at_s - b.at_s);

// What people say of the episode.
function judging(view, clock) {
  if (!$('say')) return;
  const path = `${address(dataset, episode)}/annotations`;
  const say = (body) => attempt(async () => show(await call('POST', path, body)));
  const drop = (id) => attempt(async () => show(await call('DELETE', `${path}/${id}`)));
  let said = view.said;

  const show = (now) => {
    said = now;
    for (const button of document.querySelectorAll('[data-review]')) button.setAttribute('aria-pressed', String(button.dataset.review === said.review));
    for (const star of document.querySelectorAll('[data-rating]')) star.classList.toggle('on', Number(star.dataset.rating) <= (said.rating ?? 0));
    $('labels').replaceChildren(...said.labels.map((label) => make('span', { class: 'label' }, label, make('button', { type: 'button', 'aria-label': `Remove ${label}`, onclick: () => attempt(async () => show(await call('POST', `${path}/remove-label`, { label }))) }, '✕'))));
    $('category').textContent = said.category ?? '';
    $('category').hidden = !said.category;
    const line = (each, text) => make('li', {}, text, make('small', {}, `${each.author}, ${new Date(each.at).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'short' })}`, make('button', { type: 'button', onclick: () => drop(each.id) }, 'take back')));
    $('comments').replaceChildren(...said.comments.map((each) => line(each, each.value)), ...said.subtasks.map((each) => line(each, `${each.value}: rows ${each.from_row} to ${each.to_row}`)));
    showMarks(clock, marksOf({ ...view, said }));
  };

  for (const button of document.querySelectorAll('[data-review]')) button.addEventListener('click', () => say({ kind: 'review', value: button.dataset.review }));
  for (const star of document.querySelectorAll('[data-rating]')) star.addEventListener('click', () => say({ kind: 'rating', value: star.dataset.rating }));
  for (const form of document.querySelectorAll('#say form')) {
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      const body = { kind: form.dataset.kind, value: form.elements.value.value };
      if (body.kind === 'subtask') {
        const later = said.subtasks.map((each) => each.from_row).filter((row) => row > clock.frame);
        Object.assign(body, { from_row: clock.frame, to_row: Math.min(view.rows, ...later) });
      }
      await say(body);
      form.reset();
    });
  }
  const undo = () => attempt(async () => {
    const done = await call('POST', `/api/datasets/${dataset}/annotations/undo`);
    show((await get(address(dataset, episode))).said);
    tell(`Undone in ${done.episodes.length > 1 ? `${done.episodes.length} episodes` : `episode ${done.episodes[0]}`}`);
  });
  judge = { z: undo, a: () => say({ kind: 'review', value: 'accept' }), r: () => say({ kind: 'review', value: 'reject' }), u: () => say({ kind: 'review', value: 'unsure' }) };
  for (let star = 1; star <= 5; star += 1) judge[star] = () => say({ kind: 'rating', value: String(star) });
  show(said);
}

let judge = {};

async function start() {
  const other = against ? (against.includes('/') ? against.split('/') : [dataset, against]) : null;
  const [view, beside] = await Promise.all([get(address(dataset, episode)), other ? get(address(...other)) : null]);
  const clock = new Clock(Math.max(view.seconds, beside ? beside.seconds : 0), view.rate_hz);
  const films1 = films(view, clock, beside ? `episode ${view.episode}` : '');
  const films2 = beside ? films(beside, clock, beside.dataset === view.dataset ? `episode ${beside.episode}` : `${beside.name} ${beside.episode}`) : [];
  $('films').replaceChildren(...films1.flatMap((film, number) => (films2[number] ? [film, films2[number]] : [film])), ...films2.slice(films1.length));
  root.classList.toggle('two', Boolean(beside));
  root.classList.toggle('many', films1.length > 1);
  root.classList.toggle('lots', films1.length > 2);
  const options = (of) => ({ rate: of.rate_hz, step: of.step, seconds: of.seconds, clock });
  const first = plots(view.series, options(view));
  const second = beside ? plots(beside.series, options(beside)) : [];
  $('plots').replaceChildren(...first.flatMap((plot, number) => (second[number] ? [plot.element, second[number].element] : [plot.element])));
  if (view.step > 1) $('plots').prepend(make('p', { class: 'note' }, `The plots show every ${view.step}th row.`));
  transport(clock, marksOf(view));
  keys(clock);
  judging(view, clock);
  root.clock = clock; // for whoever watches the page from outside
}

$('compare').addEventListener('submit', (event) => {
  event.preventDefault();
  location.search = `?against=${encodeURIComponent($('against').value)}`;
});
$('rerun')?.addEventListener('click', () => attempt(async () => {
  const said = await call('POST', `${address(dataset, episode)}/rerun`);
  tell(`Rerun is starting at ${said.url}`);
  setTimeout(() => window.open(said.url, '_blank', 'noopener'), 4000);
}));
attempt(start);
