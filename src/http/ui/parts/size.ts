import { type Html, html } from '../shell/html.ts';

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

/** Shows a number of bytes with three digits, and exactly as its title. */
export function byteSize(bytes: number): Html {
  return html`<data value="${bytes}" title="${formatCount(bytes)} B">${formatBytes(bytes)}</data>`;
}

/** Formats a whole number with a comma after each three digits; a formatter of `Intl` takes longer than the rest of a row. */
export function formatCount(count: number): string {
  if (count < 0) return `-${formatCount(-count)}`;
  let [text, rest] = ['', count];
  for (; rest >= 1000; rest = Math.floor(rest / 1000)) text = `,${String(rest % 1000).padStart(3, '0')}${text}`;
  return `${rest}${text}`;
}

/** Formats bytes in units of 1024: `1.21 MiB`. */
export function formatBytes(bytes: number): string {
  let [value, unit] = [bytes, 0];
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)} ${units[unit]}`;
}
