/** Adds a button to every text that is there to be copied. */
export function addCopyButtons(): void {
  for (const field of document.querySelectorAll<HTMLElement>('.copy')) {
    const code = field.querySelector('code');
    if (code) field.append(copyButton(field.dataset['text'] ?? code.textContent));
  }
}

function copyButton(text: string): HTMLButtonElement {
  const { copy = '', copied = '' } = document.body.dataset;
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = copy;
  button.setAttribute('aria-label', `${copy}: ${text}`);
  button.addEventListener('click', () => {
    void copyText(text).then(() => {
      button.textContent = copied;
      announce(`${copied}: ${text}`);
      setTimeout(() => (button.textContent = copy), 2000);
    });
  });
  return button;
}

/** Copies also over plain HTTP, where browsers have no clipboard API. */
async function copyText(text: string): Promise<void> {
  if (window.isSecureContext) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const area = document.createElement('textarea');
  area.value = text;
  area.className = 'offscreen';
  document.body.append(area);
  area.select();
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- the only way without a secure context
  document.execCommand('copy');
  area.remove();
}

/** Tells readers of screens. */
function announce(text: string): void {
  let region = document.querySelector('#announcements');
  if (!region) {
    region = document.createElement('div');
    region.id = 'announcements';
    region.className = 'offscreen';
    region.setAttribute('role', 'status');
    document.body.append(region);
  }
  region.textContent = text;
}
