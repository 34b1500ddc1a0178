const pauseMilliseconds = 2000;

/** Asks again for a view that says that something is in progress (`data-pending`), and shows it when it is done. */
export function watchPending(): void {
  const shown = document.querySelector('[data-pending]');
  if (!shown) return;
  setTimeout(() => void refresh(shown), pauseMilliseconds);
}

async function refresh(shown: Element): Promise<void> {
  if (!document.hidden) {
    const answer = await fetch(location.href).catch(() => undefined);
    const page = answer && new DOMParser().parseFromString(await answer.text(), 'text/html');
    const current = page?.querySelector('[data-pending]');
    if (page && !current) {
      location.reload();
      return;
    }
    if (current) shown.replaceChildren(...current.childNodes);
  }
  setTimeout(() => void refresh(shown), pauseMilliseconds);
}
