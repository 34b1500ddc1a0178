import type { Package } from './package.ts';

/** Reads `lib/apk/db/installed`: paragraphs of `LETTER:VALUE` lines (apk-tools, installed database). */
export function parseApkInstalled(text: string): readonly Package[] {
  return text.split(/\n\n+/).flatMap((paragraph) => {
    const field = (letter: string) => new RegExp(`^${letter}:(.*)$`, 'm').exec(paragraph)?.[1];
    const name = field('P');
    return name === undefined ? [] : [{ name, version: field('V') ?? '', architecture: field('A') ?? '' }];
  });
}
