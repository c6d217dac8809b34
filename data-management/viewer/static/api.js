// Speaking with the service, and telling the person what it said.

const toast = document.getElementById('toast');
let hiding;

export function tell(text, kind = 'good') {
  toast.textContent = text;
  toast.className = kind;
  clearTimeout(hiding);
  hiding = setTimeout(() => { toast.className = ''; }, kind === 'bad' ? 9000 : 3500);
}

export async function call(method, path, body) {
  const options = { method, headers: { Accept: 'application/json' } };
  if (body !== undefined) {
    options.headers['Content-Type'] = 'application/json';
    options.body = JSON.stringify(body);
  }
  const answer = await fetch(path, options).catch(() => null);
  if (answer === null) throw new Error('The viewer does not answer. Is it still running?');
  const said = await answer.json().catch(() => ({ detail: answer.statusText }));
  if (!answer.ok) throw new Error(typeof said.detail === 'string' ? said.detail : 'The request was refused.');
  return said;
}

export const get = (path) => call('GET', path);

// Run something; if it fails, say why and go on.
export async function attempt(work) {
  try {
    return await work();
  } catch (error) {
    tell(error.message, 'bad');
    return null;
  }
}

// Follow a piece of work to its end.
export async function finish(work) {
  tell(work.title);
  let now = work;
  while (now.state === 'running') {
    await new Promise((go) => { setTimeout(go, 250); });
    now = await get(`/api/works/${work.id}`);
    if (now.state === 'running') tell(now.total ? `${now.title}: ${now.done} of ${now.total}` : now.title);
  }
  if (now.state === 'failed') throw new Error(now.detail);
  tell(now.detail);
  return now;
}

// An element: make('button', { class: 'go', onclick: f }, 'Text', child)
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith('on')) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, '');
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== ''));
  return element;
}
