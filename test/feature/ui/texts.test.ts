import { readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from '@jest/globals';

const page = resolve(import.meta.dirname, '../../../src/http/ui');
const files = readdirSync(page, { recursive: true, encoding: 'utf8' }).filter(
  (name) => name.endsWith('.ts') && name !== 'shell/html.ts',
);

/** Texts of `html` templates that are no markup and no inserted value, and attributes that people read. */
function literals(code: string): readonly string[] {
  const templates = [...code.matchAll(/html`((?:[^`$\\]|\\.|\$(?!\{)|\$\{(?:[^{}]|\{[^{}]*\})*\})*)`/g)].map(
    ([, text = '']) => text,
  );
  return templates.flatMap((template) => {
    const text = template.replaceAll(/\$\{(?:[^{}]|\{[^{}]*\})*\}/g, ' ').replaceAll(/<[^>]*>/g, ' ');
    const read = [...template.matchAll(/(?:aria-label|title|alt|placeholder)="([^"$]*)"/g)].map(([, value = '']) => value);
    return [...text.split(/\s+/), ...read].filter((word) => /\p{L}{2,}/u.test(word));
  });
}

test('finds a literal in a template', () => {
  expect(literals('html`<p title="Help">${texts.a} Sign in</p>`')).toEqual(['Sign', 'in', 'Help']);
});

test.each(files)('%s shows no text that is not in every language', (file) => {
  const allowed = ['berth', 'team-a/*:pull,push', '–'];
  const found = literals(readFileSync(join(page, file), 'utf8'));
  expect(found.filter((word) => !allowed.includes(word) && !/^(?:aria-|id=|lang=|selected)/.test(word))).toEqual([]);
});
