/** Milliseconds until the view is loaded again where the stream is refused: over plain HTTP browsers do not name our page. */
const reloadMilliseconds = 5000;

const mebibyte = 1024 * 1024;

interface Job {
  readonly state: string;
  readonly done: number;
  readonly total: number | null;
}

/** Follows a job by one stream, while the page is visible, and loads the view again when the job has ended. */
class JobElement extends HTMLElement {
  #stream: EventSource | undefined;
  #version = '';
  readonly #onVisibility = (): void => {
    if (document.hidden) this.#close();
    else this.#open();
  };

  connectedCallback(): void {
    document.addEventListener('visibilitychange', this.#onVisibility);
    if (!document.hidden) this.#open();
  }

  disconnectedCallback(): void {
    document.removeEventListener('visibilitychange', this.#onVisibility);
    this.#close();
  }

  #open(): void {
    if (this.#stream) return;
    const { events = '' } = this.dataset;
    // A new stream sends no Last-Event-ID by itself.
    const stream = new EventSource(`${events}?${new URLSearchParams({ after: this.#version }).toString()}`);
    this.#stream = stream;
    stream.addEventListener('message', ({ data, lastEventId }: MessageEvent<string>) => {
      this.#version = lastEventId;
      this.#show(JSON.parse(data) as Job);
    });
    stream.addEventListener('error', () => {
      if (stream.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), reloadMilliseconds);
    });
  }

  #close(): void {
    this.#stream?.close();
    this.#stream = undefined;
  }

  #show({ state, done, total }: Job): void {
    const bar = this.querySelector('progress');
    const text = this.querySelector('span');
    if (state !== 'running') {
      this.#close();
      location.reload();
      return;
    }
    if (bar && total !== null) {
      bar.max = total;
      bar.value = Math.min(done, total);
    }
    if (text) text.textContent = total === null ? this.#counted(done) : `${Math.floor((Math.min(done, total) / total) * 100)} %`;
  }

  #counted(count: number): string {
    return this.dataset['unit'] === 'bytes' ? `${(count / mebibyte).toFixed(1)} MiB` : String(count);
  }
}

export function defineJob(): void {
  customElements.define('berth-job', JobElement);
}
