/** Where in the recording the reader is: one place that player, timeline, lists and pictures share. */

export class Playhead extends EventTarget {
  private media: HTMLMediaElement | null = null;
  private at = 0;
  private frame = 0;

  constructor(
    readonly start: number,
    readonly end: number,
  ) {
    super();
    this.at = start;
  }

  /** Seconds. */
  get time(): number {
    return this.media?.currentTime ?? this.at;
  }

  get playing(): boolean {
    return this.media !== null && !this.media.paused && !this.media.ended;
  }

  get playable(): boolean {
    return this.media !== null;
  }

  /** Let a media element lead from now on; null where it turned out that it cannot be played. */
  follow(media: HTMLMediaElement | null): void {
    this.media = media;
    if (media === null) {
      this.moved();
      return;
    }
    for (const kind of ["seeked", "timeupdate", "pause", "play", "ended", "loadeddata"]) {
      media.addEventListener(kind, () => {
        this.moved();
      });
    }
    media.addEventListener("play", () => {
      this.tick();
    });
    if (this.at > this.start) {
      media.currentTime = this.at;
    }
  }

  /** Go there. */
  seek(seconds: number): void {
    this.at = Math.min(Math.max(seconds, this.start), this.end);
    if (this.media !== null) {
      this.media.currentTime = this.at;
    }
    this.moved();
  }

  toggle(): void {
    if (this.playing) {
      this.media?.pause();
    } else {
      this.media?.play().catch(() => {
        this.moved(); // the browser does not let it play, or it was paused at once: the button says so
      });
    }
  }

  private tick(): void {
    window.cancelAnimationFrame(this.frame);
    if (this.playing) {
      this.frame = window.requestAnimationFrame(() => {
        this.moved();
        this.tick();
      });
    }
  }

  private moved(): void {
    this.dispatchEvent(new Event("move"));
  }
}
