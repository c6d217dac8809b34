// The page of an episode: films and plots on one clock, keys, and another episode beside it.

import { attempt, get, make, tell } from './api.js';
import { Clock, Film } from './player.js';
import { plots } from './plot.js';

const root = document.getElementById('episode');
const { dataset, against } = root.dataset;
const episode = Number(root.dataset.episode);
const $ = (id) => document.getElementById(id);
const SPEEDS = [...$('speed').options].map((option) => option.text);

const address = (id, number) => `/api/datasets/${id}/episodes/${number}`;

function films(view, clock, label) {
  const made = view.clips.map((clip) => {
    const video = make('video', {
      muted: true, playsinline: true, preload: 'auto',
      poster: `${address(view.dataset, view.episode)}/picture/${encodeURIComponent(clip.camera)}?share=0`,
      src: `${address(view.dataset, view.episode)}/video/${encodeURIComponent(clip.camera)}`,
    });
    video.muted = true;
    const film = new Film(video, clip, view.rate_hz);
    video.addEventListener('loadedmetadata', () => film.seek(clock.time), { once: true });
    video.addEventListener('seeked', () => video.removeAttribute('poster'), { once: true });
    video.addEventListener('error', () => tell(`${clip.camera}: the browser cannot play this video (${clip.codec}).`, 'bad'));
    video.addEventListener('click', () => (clock.playing ? clock.pause() : clock.play()));
    clock.films.push(film);
    const name = clip.camera.replace(/^observation\.images?\./, '');
    return make('figure', { class: 'film' }, video, make('figcaption', {}, label ? `${label} · ${name}` : name, make('small', {}, `${clip.width} × ${clip.height}, ${clip.codec}`)));
  });
  return made.length ? made : [make('p', { class: 'empty' }, 'This episode has no camera.')];
}

function transport(clock, marks) {
  const scrub = $('scrub');
  scrub.max = clock.last;
  const show = () => {
    scrub.value = clock.frame;
    scrub.style.setProperty('--done', `${clock.last ? (100 * clock.frame) / clock.last : 0}%`);
    $('clock').textContent = `${(clock.frame / clock.rate).toFixed(2)} s · ${clock.frame} / ${clock.last}`;
    document.body.classList.toggle('playing', clock.playing);
    $('play').setAttribute('aria-label', clock.playing ? 'Pause' : 'Play');
  };
  clock.addEventListener('time', show);
  scrub.addEventListener('input', () => { clock.pause(); clock.toFrame(Number(scrub.value)); });
  $('play').addEventListener('click', () => (clock.playing ? clock.pause() : clock.play()));
  $('back').addEventListener('click', () => { clock.pause(); clock.toFrame(clock.frame - 1); });
  $('on').addEventListener('click', () => { clock.pause(); clock.toFrame(clock.frame + 1); });
  $('speed').addEventListener('change', () => { clock.speed = Number($('speed').value); });
  showMarks(clock, marks);
  show();
}

export function showMarks(clock, marks) {
  $('marks').replaceChildren(...marks.map((mark, number) => {
    const end = number + 1 < marks.length ? marks[number + 1].at_s : clock.seconds;
    const made = make('button', { type: 'button', title: mark.text, 'data-tone': String(number % 6), onclick: () => clock.seek(mark.at_s) }, mark.text);
    made.style.left = `${(100 * mark.at_s) / clock.seconds}%`;
    made.style.width = `${(100 * (end - mark.at_s)) / clock.seconds}%`;
    return made;
  }));
  root.classList.toggle('marked', marks.length > 0);
}

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
    const act = does[event.key];
    if (!act || (event.key === ' ' && event.target.closest('button, summary, a'))) return;
    event.preventDefault();
    act(event);
  });
}

async function start() {
  const other = against ? (against.includes('/') ? against.split('/') : [dataset, against]) : null;
  const [view, beside] = await Promise.all([get(address(dataset, episode)), other ? get(address(...other)) : null]);
  const clock = new Clock(Math.max(view.seconds, beside ? beside.seconds : 0), view.rate_hz);
  const films1 = films(view, clock, beside ? `episode ${view.episode}` : '');
  const films2 = beside ? films(beside, clock, beside.dataset === view.dataset ? `episode ${beside.episode}` : `${beside.dataset} ${beside.episode}`) : [];
  $('films').replaceChildren(...films1, ...films2);
  root.classList.toggle('two', Boolean(beside));
  root.classList.toggle('many', films1.length + films2.length > 1);
  const options = (of) => ({ rate: of.rate_hz, step: of.step, seconds: of.seconds, clock });
  const first = plots(view.series, options(view));
  const second = beside ? plots(beside.series, options(beside)) : [];
  $('plots').replaceChildren(...first.flatMap((plot, number) => (second[number] ? [plot.element, second[number].element] : [plot.element])));
  if (view.step > 1) $('plots').prepend(make('p', { class: 'note' }, `The plots show every ${view.step}th row.`));
  transport(clock, view.marks);
  keys(clock);
  root.clock = clock; // for whoever watches the page from outside
  document.dispatchEvent(new CustomEvent('episode', { detail: { view, clock } }));
}

$('compare').addEventListener('submit', (event) => {
  event.preventDefault();
  location.search = `?against=${encodeURIComponent($('against').value)}`;
});
attempt(start);
