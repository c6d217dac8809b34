// A run: its tasks and the log of one of them, as they grow.

import { attempt, call, get, make, tell } from './api.js';

const { run } = document.getElementById('run').dataset;
const $ = (id) => document.getElementById(id);
const PAUSE_MS = 1000;
let task = null;
let chosen = false;
let offset = 0;

const words = (status) => status.toLowerCase().replaceAll('_', ' ');
const time = (seconds) => (seconds === null ? '' : `${seconds.toFixed(1)} s`);

function watch(name) {
  task = name;
  offset = 0;
  $('log').textContent = '';
  $('log-title').textContent = `Log of ${name}`;
}

function show(view) {
  $('status').className = `status ${view.status}`;
  $('status').textContent = words(view.status);
  $('problem').textContent = view.problem;
  if ($('stop')) $('stop').hidden = !view.alive;
  $('tasks').replaceChildren(...view.tasks.map((each) => make('li', { class: `task ${each.status}` },
    make('button', { type: 'button', 'aria-pressed': String(each.name === task), onclick: () => { chosen = true; watch(each.name); attempt(follow); } },
      make('b', {}, each.name), make('span', { class: `status ${each.status}` }, words(each.status)), make('small', {}, [time(each.seconds), each.reason].filter(Boolean).join(' · '))))));
  const now = view.tasks.find((each) => each.status === 'RUNNING') ?? view.tasks.findLast((each) => !['WAITING', 'FAILED_UPSTREAM'].includes(each.status));
  if (!chosen && now && now.name !== task) watch(now.name);
}

async function follow() {
  if (!task) return true;
  const piece = await get(`/api/runs/${run}/log/${encodeURIComponent(task)}?offset=${offset}`);
  if (piece.text) {
    const low = $('log').scrollHeight - $('log').scrollTop - $('log').clientHeight < 40;
    $('log').append(piece.text);
    if (low) $('log').scrollTop = $('log').scrollHeight;
  }
  offset = piece.next;
  return piece.over;
}

async function step() {
  const view = await attempt(() => get(`/api/runs/${run}`));
  if (view) {
    show(view);
    const over = await attempt(follow);
    if (!view.alive && over && !chosen) return;
  }
  setTimeout(step, PAUSE_MS);
}

$('stop')?.addEventListener('click', () => attempt(async () => tell((await call('POST', `/api/runs/${run}/stop`)).said)));
step();
