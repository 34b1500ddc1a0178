import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { keyPaths } from '../../config/load.ts';
import { variableName } from '../../config/variables.ts';

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

/** The README's table, as the schema says it. */
function table(): string {
  const rows = keyPaths().map(({ path, key }) => {
    const fallback = key.default === undefined || key.default === '' ? '' : `\`${String(key.default)}\``;
    return `| \`${path}\` | ${fallback} | ${key.description.replaceAll('|', '\\|')} |`;
  });
  return ['| key | default | meaning |', '| --- | --- | --- |', ...rows].join('\n');
}

test('the README has every configuration key as the schema says it', () => {
  const written = /<!-- keys: begin[^>]*-->\n([^]*?)\n?<!-- keys: end -->/.exec(readme)?.[1];
  expect(written).toBe(table());
});

test('a key becomes the variable that the README promises', () => {
  expect(variableName('storage.blobs.s3.accessKeyId')).toBe('BERTH_STORAGE_BLOBS_S3_ACCESS_KEY_ID');
});
