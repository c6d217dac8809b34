// The episodes of a dataset, page by page.

import { attempt, get, make } from './api.js';

const main = document.querySelector('main');
const { dataset, camera } = main.dataset;
const SIZE = 24;
let page = 1;

function tile(line) {
  const link = `/datasets/${dataset}/episodes/${line.episode}`;
  const picture = camera
    ? make('img', { src: `/api${link}/picture/${encodeURIComponent(camera)}`, alt: '', loading: 'lazy' })
    : make('span', { class: 'blank', 'aria-hidden': 'true' }, String(line.episode));
  return make('li', { class: 'episode' },
    make('a', { href: link },
      picture,
      make('b', {}, `${line.episode}`, line.outcome ? make('span', { class: `outcome ${line.outcome}` }, line.outcome) : ''),
      make('small', {}, `${line.seconds.toFixed(1)} s${line.split ? ` · ${line.split}` : ''}`)));
}

async function show() {
  const lines = document.getElementById('lines');
  const found = await get(`/api/datasets/${dataset}/episodes?page=${page}&size=${SIZE}`);
  const pages = Math.ceil(found.total / SIZE);
  const turn = (to, text) => make('button', { type: 'button', disabled: to < 1 || to > pages, onclick: () => { page = to; attempt(show); } }, text);
  lines.replaceChildren(
    make('ul', { class: 'episodes' }, ...found.items.map(tile)),
    pages > 1 ? make('nav', { class: 'pager', 'aria-label': 'Pages' }, turn(page - 1, 'Previous'), make('span', {}, `${page} of ${pages}`), turn(page + 1, 'Next')) : '');
  lines.removeAttribute('aria-busy');
}

attempt(show);
