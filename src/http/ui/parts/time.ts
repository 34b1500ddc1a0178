import { isoTime } from '../../../access/accounts/time.ts';
import { type Html, html } from '../shell/html.ts';
import type { Language } from '../texts/languages.ts';

const units: readonly (readonly [Intl.RelativeTimeFormatUnit, seconds: number])[] = [
  ['year', 365 * 86_400],
  ['month', 30 * 86_400],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
];

/** Shows a time (milliseconds since 1970) relative to `now`, with the time in UTC as its title. */
export function relativeTime(milliseconds: number, now: number, language: Language): Html {
  const seconds = Math.round((milliseconds - now) / 1000);
  const [unit, length] = units.find(([, size]) => Math.abs(seconds) >= size) ?? (['second', 1] as const);
  const text = relative(language, unit, Math.round(seconds / length));
  const iso = isoTime(milliseconds);
  return html`<time datetime="${iso}" title="${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC">${text}</time>`;
}

const formats = new Map<Language, Intl.RelativeTimeFormat>();

function formatOf(language: Language): Intl.RelativeTimeFormat {
  const format = formats.get(language) ?? new Intl.RelativeTimeFormat(language, { numeric: 'auto' });
  formats.set(language, format);
  return format;
}

/** Texts so far: a list repeats few, and formatting takes longer than the rest of a cell. */
const texts = new Map<string, string>();
const maxTexts = 5000;

function relative(language: Language, unit: Intl.RelativeTimeFormatUnit, value: number): string {
  const key = `${language} ${value} ${unit}`;
  let text = texts.get(key);
  if (text === undefined) {
    text = formatOf(language).format(value, unit);
    if (texts.size >= maxTexts) texts.clear();
    texts.set(key, text);
  }
  return text;
}
