// One clock, and all that follows it: films of any number of cameras and episodes.

const FAR_S = 0.25; // a film that is off by more is set right with a jump; less is caught up by its rate

export class Clock extends EventTarget {
  constructor(seconds, rate) {
    super();
    this.seconds = seconds;
    this.rate = rate; // rows per second
    this.time = 0;
    this.speed = 1;
    this.playing = false;
    this.films = [];
  }

  get frame() { return Math.min(this.last, Math.floor(this.time * this.rate + 1e-6)); }

  get last() { return Math.max(0, Math.round(this.seconds * this.rate) - 1); }

  seek(time) {
    this.time = Math.min(Math.max(0, time), this.last / this.rate);
    for (const film of this.films) film.seek(this.time);
    this.tell();
  }

  toFrame(frame) { this.seek(frame / this.rate); }

  play() {
    if (this.playing) return;
    if (this.frame >= this.last) this.seek(0);
    this.playing = true;
    this.before = performance.now();
    for (const film of this.films) film.start(this.time, this.speed);
    requestAnimationFrame((now) => this.step(now));
    this.tell();
  }

  pause() {
    this.playing = false;
    for (const film of this.films) film.stop();
    this.toFrame(this.frame);
  }

  step(now) {
    if (!this.playing) return;
    const passed = (now - this.before) / 1000;
    this.before = now;
    if (this.films.every((film) => film.ready(this.time))) this.time += passed * this.speed;
    if (this.time * this.rate >= this.last) {
      this.time = this.last / this.rate;
      this.pause();
      return;
    }
    for (const film of this.films) film.follow(this.time, this.speed);
    this.tell();
    requestAnimationFrame((next) => this.step(next));
  }

  tell() { this.dispatchEvent(new Event('time')); }
}

// An episode within a video file, which holds other episodes too.
export class Film {
  constructor(video, clip, rate) {
    Object.assign(this, { video, clip, rate });
    this.seconds = clip.to_s - clip.from_s;
  }

  // The middle of a frame, so that rounding never shows its neighbour.
  place(time) {
    const last = Math.round(this.seconds * this.rate) - 1;
    return this.clip.from_s + (Math.min(Math.floor(time * this.rate + 1e-6), last) + 0.5) / this.rate;
  }

  over(time) { return time >= this.seconds - 1 / this.rate; }

  seek(time) { this.video.currentTime = this.place(time); }

  start(time, speed) {
    this.video.playbackRate = speed;
    if (!this.over(time)) this.video.play().catch(() => {});
  }

  stop() { this.video.pause(); }

  ready(time) { return this.over(time) || this.video.readyState >= 2; }

  follow(time, speed) {
    if (this.over(time)) {
      if (!this.video.paused) { this.video.pause(); this.seek(time); }
      return;
    }
    if (this.video.paused) this.start(time, speed);
    const behind = this.clip.from_s + time + 0.5 / this.rate - this.video.currentTime;
    if (Math.abs(behind) > FAR_S * Math.max(1, speed)) this.seek(time);
    this.video.playbackRate = speed * Math.min(1.5, Math.max(0.6, 1 + behind * 2));
  }
}
