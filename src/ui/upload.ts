/** Shows the progress of the form in it, and its refusal beside the chosen file. Without scripts the browser sends the form. */
class UploadElement extends HTMLElement {
  #request: XMLHttpRequest | undefined;

  connectedCallback(): void {
    const form = this.querySelector('form');
    form?.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#send(form);
    });
  }

  disconnectedCallback(): void {
    this.#request?.abort();
  }

  #send(form: HTMLFormElement): void {
    const { sending = '', checking = '', interrupted = '' } = this.dataset;
    const button = form.querySelector('button');
    const { box, bar, show } = this.#progress();
    const request = new XMLHttpRequest();
    this.#request = request;
    if (button) button.disabled = true;
    this.querySelector('.wrong')?.remove();
    this.append(box);
    show(sending);

    const end = (): void => {
      box.remove();
      if (button) button.disabled = false;
    };
    request.upload.addEventListener('progress', ({ loaded, total, lengthComputable }) => {
      if (!lengthComputable) return;
      bar.max = total;
      bar.value = loaded;
      const percent = Math.floor((loaded / total) * 100);
      show(loaded === total ? checking : `${sending} ${percent} %`);
    });
    request.addEventListener('load', () => {
      if (request.status === 200) {
        location.assign(request.responseURL);
        return;
      }
      end();
      this.#refuse(new DOMParser().parseFromString(request.responseText, 'text/html').querySelector('main .wrong'), '');
    });
    request.addEventListener('error', () => {
      end();
      this.#refuse(null, interrupted);
    });
    request.addEventListener('abort', end);
    request.open('POST', form.action);
    request.send(new FormData(form));
  }

  #progress() {
    const { sending = '', stop = '' } = this.dataset;
    const box = document.createElement('div');
    box.className = 'progress';
    const bar = document.createElement('progress');
    bar.setAttribute('aria-label', sending);
    const text = document.createElement('p');
    text.setAttribute('role', 'status');
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = stop;
    button.addEventListener('click', () => this.#request?.abort());
    box.append(text, bar, button);
    const show = (message: string): void => {
      // A reader of screens hears each change.
      if (text.textContent !== message) text.textContent = message;
    };
    return { box, bar, show };
  }

  /** Shows the alert of an answer, or a message if there is no answer. */
  #refuse(alert: Element | null, message: string): void {
    const shown = alert ?? document.createElement('p');
    if (!alert) {
      shown.className = 'wrong';
      shown.setAttribute('role', 'alert');
      shown.textContent = message;
    }
    document.querySelector('main > .wrong')?.remove();
    this.prepend(shown);
  }
}

export function defineUpload(): void {
  customElements.define('berth-upload', UploadElement);
}
