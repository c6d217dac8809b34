// Lines over time on a canvas: fast for thousands of points, sharp on any screen, in the page's colours.

const TONES = ['--policy', '--champion', '--expert', '--production', '--alarm', '--untrained'];
const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export class Plot {
  // lines: [{ label, values, dashed }]; times in seconds are step / rate apart.
  constructor(title, lines, { rate, step, seconds, clock }) {
    Object.assign(this, { lines, rate, step, seconds, clock });
    this.canvas = document.createElement('canvas');
    this.cursor = document.createElement('i');
    this.values = lines.map(() => document.createElement('output'));
    const heading = document.createElement('figcaption');
    heading.append(Object.assign(document.createElement('b'), { textContent: title }));
    lines.forEach((line, number) => {
      const key = document.createElement('button');
      key.type = 'button';
      key.className = line.dashed ? 'key dashed' : 'key';
      key.dataset.tone = String(number % TONES.length);
      key.title = `Show or hide ${line.label}`;
      key.setAttribute('aria-pressed', 'true');
      key.append(line.label, this.values[number]);
      key.addEventListener('click', () => {
        line.hidden = !line.hidden;
        key.setAttribute('aria-pressed', String(!line.hidden));
        this.draw();
      });
      heading.append(key);
    });
    this.frame = document.createElement('div');
    this.frame.className = 'canvas';
    this.frame.append(this.canvas, this.cursor);
    this.element = document.createElement('figure');
    this.element.className = lines.length > 2 ? 'plot' : 'plot few';
    this.element.append(heading, this.frame);
    this.scrubbing();
    new ResizeObserver(() => this.draw()).observe(this.frame);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.draw());
    clock.addEventListener('time', () => this.follow());
  }

  scrubbing() {
    const to = (event) => {
      const box = this.frame.getBoundingClientRect();
      this.clock.seek(((event.clientX - box.left) / box.width) * this.clock.seconds);
    };
    this.frame.addEventListener('pointerdown', (event) => {
      this.frame.setPointerCapture(event.pointerId);
      this.clock.pause();
      to(event);
    });
    this.frame.addEventListener('pointermove', (event) => { if (event.buttons) to(event); });
  }

  follow() {
    const share = this.clock.time / this.clock.seconds;
    this.cursor.style.transform = `translateX(${share * this.frame.clientWidth}px)`;
    const at = Math.floor(this.clock.frame / this.step);
    this.lines.forEach((line, number) => {
      const value = line.values[Math.min(at, line.values.length - 1)];
      this.values[number].textContent = value === null || value === undefined ? '–' : value.toFixed(3);
    });
  }

  draw() {
    const width = this.frame.clientWidth;
    const height = this.frame.clientHeight;
    if (!width || !height) return;
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = width * ratio;
    this.canvas.height = height * ratio;
    const pen = this.canvas.getContext('2d');
    pen.scale(ratio, ratio);
    const [low, high] = this.range();
    const y = (value) => height - 5 - ((value - low) / (high - low)) * (height - 10);
    const x = (row) => ((row * this.step) / this.rate / this.clock.seconds) * width;
    this.grid(pen, width, low, high, y);
    this.lines.forEach((line, number) => {
      if (!line.hidden) this.line(pen, line, style(TONES[number % TONES.length]), x, y);
    });
    this.follow();
  }

  range() {
    let low = Infinity;
    let high = -Infinity;
    for (const line of this.lines) {
      if (line.hidden) continue;
      for (const value of line.values) {
        if (value === null) continue;
        if (value < low) low = value;
        if (value > high) high = value;
      }
    }
    if (low > high) return [-1, 1];
    const room = (high - low) * 0.06 || Math.max(Math.abs(high) * 0.05, 1e-3);
    return [low - room, high + room];
  }

  grid(pen, width, low, high, y) {
    pen.font = '11px system-ui, sans-serif';
    const span = high - low;
    const power = 10 ** Math.floor(Math.log10(span / 2));
    const gap = [1, 2, 5, 10].map((factor) => factor * power).find((each) => span / each <= 3);
    const digits = Math.max(0, -Math.floor(Math.log10(gap) + 1e-9));
    for (let value = Math.ceil(low / gap) * gap; value <= high; value += gap) {
      pen.strokeStyle = style('--rule');
      pen.lineWidth = 1;
      pen.beginPath();
      pen.moveTo(0, Math.round(y(value)) + 0.5);
      pen.lineTo(width, Math.round(y(value)) + 0.5);
      pen.stroke();
      pen.fillStyle = style('--quiet');
      pen.fillText((Math.abs(value) < gap / 2 ? 0 : value).toFixed(digits), 3, Math.max(11, y(value) - 3));
    }
  }

  line(pen, line, colour, x, y) {
    pen.strokeStyle = colour;
    pen.lineWidth = 1.6;
    pen.lineJoin = 'round';
    pen.setLineDash(line.dashed ? [5, 3] : []);
    pen.beginPath();
    let down = false;
    line.values.forEach((value, row) => {
      if (value === null) { down = false; return; }
      if (down) pen.lineTo(x(row), y(value)); else pen.moveTo(x(row), y(value));
      down = true;
    });
    pen.stroke();
    pen.setLineDash([]);
  }
}

// Panels of an episode: a joint's state and action share one; what has no counterpart gets a panel of its own.
export function plots(series, options) {
  const action = series.find((each) => each.feature === 'action');
  const state = series.find((each) => each.feature === 'observation.state');
  const paired = action && state && action.names.some((name) => state.names.includes(name));
  const made = [];
  if (paired) {
    for (const name of new Set([...state.names, ...action.names])) {
      const lines = [[state, 'state', false], [action, 'action', true]]
        .filter(([from]) => from.names.includes(name))
        .map(([from, label, dashed]) => ({ label, values: from.values[from.names.indexOf(name)], dashed }));
      made.push(new Plot(name.replace(/_joint$/, '').replaceAll('_', ' '), lines, options));
    }
  }
  for (const each of series) {
    if (paired && (each === action || each === state)) continue;
    const lines = each.names.map((name, number) => ({ label: name, values: each.values[number] }));
    made.push(new Plot(each.feature, lines, options));
  }
  return made;
}
