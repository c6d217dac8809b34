// Editing and training: a form, what would change, and then doing it.

import { attempt, call, finish, get, make } from './api.js';

const $ = (id) => document.getElementById(id);
const ABOUT = {
  delete: 'The chosen episodes are left out. Without a name the dataset is replaced, and Undo brings it back.',
  keep: 'Only the chosen episodes stay. Without a name the dataset is replaced, and Undo brings it back.',
  trim: 'Of the chosen episodes only some rows stay. Without a name the dataset is replaced, and Undo brings it back.',
  split: 'New datasets in a folder beside this one; episodes that stem from one recording stay together.',
  merge: 'A new dataset beside this one, with the episodes of all.',
};
// Where the result is to be seen, when what was told of it has been read.
const go = (done) => setTimeout(() => { if (done.link === location.pathname) location.reload(); else location.href = done.link; }, 900);
const about = ({ count }) => `${count} episode${count === 1 ? '' : 's'}`;

export function openers({ dataset, base, selection }) {
  let operation = null;
  let seen = null;
  const form = $('edit-form');
  const replaces = $('undo').dataset.replaces === '1'; // else each edit makes a new dataset
  const fields = () => [...form.querySelectorAll('[data-for]')].filter((label) => label.dataset.for.split(' ').includes(operation));

  const body = () => {
    const { episodes, where } = selection();
    const made = { operation, ...(operation === 'split' || operation === 'merge' ? {} : { episodes, where }) };
    for (const label of fields()) {
      const field = label.querySelector('input, select');
      if (field.multiple) made[field.name] = [...field.selectedOptions].map((option) => option.value);
      else made[field.name] = field.type === 'number' ? Number(field.value) : field.value.trim();
    }
    return made;
  };

  const stale = () => { seen = null; $('apply').disabled = true; $('preview').replaceChildren(); };

  const open = async (name) => {
    operation = name;
    stale();
    form.reset();
    for (const label of form.querySelectorAll('[data-for]')) label.hidden = true;
    for (const label of fields()) label.hidden = false;
    $('editor-title').textContent = name === 'split' || name === 'merge' ? `${name[0].toUpperCase()}${name.slice(1)}` : `${name[0].toUpperCase()}${name.slice(1)} ${about(selection())}`;
    $('editor-about').textContent = replaces ? ABOUT[name] : ABOUT[name].replace(/ Without a name .*$/, ' What stays becomes a new dataset in the container, beside this one; Undo, there, removes it.');
    if (name === 'merge') {
      const others = await get('/api/datasets?size=200');
      form.elements.others.replaceChildren(...others.items.filter((each) => each.id !== dataset && !each.problem).map((each) => make('option', { value: each.id }, each.name)));
    }
    $('editor').showModal();
  };

  const look = async () => {
    seen = body();
    const found = await call('POST', `${base}/preview`, seen);
    seen.version = found.version;
    const size = (part) => make('div', {}, make('code', {}, part.name), make('b', {}, `${part.episodes} episodes`), make('small', {}, `${part.rows} rows`));
    $('preview').replaceChildren(
      make('div', { class: 'change' }, size(found.before), make('span', { 'aria-hidden': 'true' }, '→'), make('div', {}, ...found.after.map(size))),
      make('ul', {}, ...found.changes.map((text) => make('li', {}, text))));
    $('apply').disabled = false;
    $('apply').className = found.replaces && operation !== 'keep' ? 'stop' : 'go';
  };

  const apply = async () => {
    const work = await call('POST', `${base}/edit`, seen);
    $('editor').close();
    go(await finish(work));
  };

  for (const button of document.querySelectorAll('[data-operation]')) button.addEventListener('click', () => attempt(() => open(button.dataset.operation)));
  form.addEventListener('input', stale);
  $('look').addEventListener('click', () => { if (form.reportValidity()) attempt(look); });
  $('apply').addEventListener('click', () => attempt(apply));
  $('undo').addEventListener('click', () => attempt(async () => {
    const done = await finish(await call('POST', `${base}/undo`));
    go(replaces ? { link: location.pathname } : done);
  }));
  attempt(async () => {
    const [point] = await get(`${base}/undo`);
    $('undo').disabled = !point;
    if (!point) $('undo').title = replaces ? 'Nothing to bring back' : 'No edit made this dataset, or its original is gone';
    else $('undo').title = replaces ? `Bring back ${point.episodes} episodes: before ${point.undoes}` : `Remove this dataset, made by ${point.undoes} of ${point.folder}`;
  });
  training({ dataset, selection });
}

function training({ dataset, selection }) {
  const form = $('launch-form');
  let workflows = [];

  const variables = () => {
    const chosen = workflows.find((each) => each.name === form.elements.workflow.value);
    $('variables').replaceChildren(...Object.entries(chosen?.variables ?? {}).map(([name, value]) => make('label', {}, name, make('input', { name: `set-${name}`, value, 'data-default': String(value), 'data-number': typeof value === 'number' }))));
  };

  const values = () => Object.fromEntries([...form.querySelectorAll('[name^=set-]')].filter((field) => field.value !== field.dataset.default)
    .map((field) => [field.name.slice(4), field.hasAttribute('data-number') && field.value.trim() !== '' && !Number.isNaN(Number(field.value)) ? Number(field.value) : field.value]));

  $('train').addEventListener('click', () => attempt(async () => {
    workflows = await get('/api/workflows');
    $('launch-about').textContent = `${about(selection())}, published under their digest, are what the workflow is given.`;
    variables();
    $('launcher').showModal();
  }));
  form.elements.workflow.addEventListener('change', variables);
  $('launch').addEventListener('click', () => attempt(async () => {
    const { episodes, where } = selection();
    const work = await call('POST', '/api/runs', { workflow: form.elements.workflow.value, engine: form.elements.engine.value, dataset, episodes, where, values: values() });
    $('launcher').close();
    location.href = (await finish(work)).link;
  }));
}
