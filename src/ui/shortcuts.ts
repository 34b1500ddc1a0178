const destinations: Readonly<Record<string, string>> = { r: '/ui', s: '/ui/setup', m: '/ui/mirror', a: '/ui/account' };

/**
 * Keys: `g r`, `g s`, `g m`, `g a` open a view, `j` and `k` move through the rows of a table, `x` selects the row, `/` goes to
 * its filter, `c` copies, `?` opens the help.
 */
export function addShortcuts(): void {
  let previous = '';
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isField(event.target)) return;
    const key = event.key;
    const destination = previous === 'g' ? destinations[key] : undefined;
    previous = key;
    if (destination !== undefined) location.assign(destination);
    else if (!perform(key)) return;
    event.preventDefault();
  });
}

function isField(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(?:INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

function perform(key: string): boolean {
  if (key === '/') return focus(document.querySelector<HTMLElement>('input[type="search"]'));
  if (key === '?') return open('/ui/help');
  if (key === 'j' || key === 'k') return focusRow(key === 'j' ? 1 : -1);
  if (key === 'c') return click((focusedRow() ?? document).querySelector<HTMLElement>('.copy button'));
  if (key === 'x') return click(focusedRow()?.querySelector<HTMLElement>('input[type="checkbox"]') ?? null);
  return false;
}

function open(path: string): boolean {
  location.assign(path);
  return true;
}

function rowLinks(): readonly HTMLElement[] {
  return [...document.querySelectorAll<HTMLElement>('tbody tr a:first-of-type, tbody th a')];
}

function focusRow(step: number): boolean {
  const links = rowLinks();
  const current = links.findIndex((link) => link === document.activeElement);
  return focus(links[Math.max(0, Math.min(links.length - 1, current + step))]);
}

function focusedRow(): Element | undefined {
  return document.activeElement?.closest('tr') ?? undefined;
}

function focus(element: HTMLElement | null | undefined): boolean {
  element?.focus();
  return element != null;
}

function click(element: HTMLElement | null): boolean {
  element?.click();
  return element !== null;
}
