// The films of an episode, and the bar under them. A page may call these again for another episode.

import { make, tell } from './api.js';
import { Film } from './player.js';

const $ = (id) => document.getElementById(id);

export const address = (id, number) => `/api/datasets/${id}/episodes/${number}`;

export function films(view, clock, label) {
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
    return make('figure', { class: 'film' }, video, make('figcaption', {}, make('span', { title: label }, label ? `${name} · ${label}` : name), make('small', {}, `${clip.width} × ${clip.height}, ${clip.depth ? 'depth' : clip.codec}`)));
  });
  return made.length ? made : [make('p', { class: 'empty' }, 'This episode has no camera.')];
}

export function transport(clock, marks) {
  const scrub = $('scrub');
  clock.speed = Number($('speed').value);
  scrub.max = clock.last;
  const show = () => {
    scrub.value = clock.frame;
    scrub.style.setProperty('--done', `${clock.last ? (100 * clock.frame) / clock.last : 0}%`);
    $('clock').textContent = `${(clock.frame / clock.rate).toFixed(2)} s · ${clock.frame} / ${clock.last}`;
    document.body.classList.toggle('playing', clock.playing);
    $('play').setAttribute('aria-label', clock.playing ? 'Pause' : 'Play');
  };
  clock.addEventListener('time', show);
  scrub.oninput = () => { clock.pause(); clock.toFrame(Number(scrub.value)); };
  $('play').onclick = () => (clock.playing ? clock.pause() : clock.play());
  $('back').onclick = () => { clock.pause(); clock.toFrame(clock.frame - 1); };
  $('on').onclick = () => { clock.pause(); clock.toFrame(clock.frame + 1); };
  $('speed').onchange = () => { clock.speed = Number($('speed').value); };
  showMarks(clock, marks);
  show();
}

export function showMarks(clock, marks) {
  $('marks').replaceChildren(...marks.map((mark, number) => {
    const end = mark.to_s ?? (number + 1 < marks.length ? marks[number + 1].at_s : clock.seconds);
    const made = make('button', { type: 'button', title: mark.text, 'data-tone': String(number % 6), onclick: () => clock.seek(mark.at_s) }, mark.text);
    made.style.left = `${(100 * mark.at_s) / clock.seconds}%`;
    made.style.width = `${(100 * (end - mark.at_s)) / clock.seconds}%`;
    return made;
  }));
  document.querySelector('main').classList.toggle('marked', marks.length > 0);
}
