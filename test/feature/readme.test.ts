import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { describeKeys } from '../../config/describe.ts';
import { variableName } from '../../config/variable-names.ts';

const read = (file: string) => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');

/** Returns the table of docs/configuration.md as the schema describes the keys. */
function table(): string {
  const code = (text: string | null) => (text === null ? '' : `\`${text}\``);
  const rows = describeKeys().map(
    ({ key, variable, default: fallback, description }) =>
      `| \`${key}\` | ${code(variable)} | ${code(fallback)} | ${description.replaceAll('|', '\\|')} |`,
  );
  return ['| key | variable | default | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

test('docs/configuration.md has every configuration key of the schema, and the README links to it', () => {
  const written = /<!-- keys: begin[^>]*-->\n([^]*?)\n?<!-- keys: end -->/.exec(read('docs/configuration.md'))?.[1];
  expect(written).toBe(table());
  for (const key of ['mirror.upstreams.<name>.username', 'access.identities.<name>.claims']) expect(written).toContain(key);
  expect(read('README.md')).toContain('(docs/configuration.md)');
});

test('the variable of a key is its path in upper case', () => {
  expect(variableName('storage.blobs.s3.accessKeyId')).toBe('BERTH_STORAGE_BLOBS_S3_ACCESS_KEY_ID');
});

test('README.zh-CN.md has the commands and the links of README.md', () => {
  const commandsOf = (text: string) => text.match(/^```[^]*?^```/gm);
  const linksOf = (text: string) => [...text.matchAll(/\]\(([^)#]+)(?:#[\w-]+)?\)/g)].map(([, target]) => target).sort();
  const [english, chinese] = [read('README.md'), read('README.zh-CN.md')];
  expect(commandsOf(chinese)).toEqual(commandsOf(english));
  const others = (links: readonly (string | undefined)[]) => links.filter((link) => !link?.startsWith('README'));
  expect(others(linksOf(chinese))).toEqual(others(linksOf(english)));
});
