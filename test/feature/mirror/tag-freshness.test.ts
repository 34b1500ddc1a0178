import { expect, test } from '@jest/globals';
import { readTagFreshness } from '../../../src/assembly/tag-freshness.ts';

function read(tags: Readonly<Record<string, number>>) {
  const errors: string[] = [];
  const rules = Object.fromEntries(Object.entries(tags).map(([pattern, freshness]) => [pattern, { freshness }]));
  const freshness = readTagFreshness({ mirror: { freshness: 60, tags: rules } } as never, errors);
  return { freshness, errors };
}

test('the freshness of a tag is that of the pattern that says most of its repository, then of the tag', () => {
  const { freshness, errors } = read({
    'ghcr.io/**:*': 1,
    'ghcr.io/team/*:*': 2,
    'ghcr.io/team/*:v*': 3,
    'ghcr.io/team/*:v*.*.*': 4,
    'ghcr.io/team/app:sha-*': 5,
  });
  const asked = [
    ['docker.io/library/alpine', 'latest'],
    ['ghcr.io/a/b/c', 'latest'],
    ['ghcr.io/team/app', 'latest'],
    ['ghcr.io/team/app', 'v1'],
    ['ghcr.io/team/app', 'v1.2.3'],
    ['ghcr.io/team/app', 'sha-12'],
  ] as const;
  expect(asked.map(([repository, tag]) => freshness(repository, tag))).toEqual([60, 1, 2, 3, 4, 5]);
  expect(errors).toEqual([]);
});

test('a dot of a pattern is a dot', () => {
  const { freshness } = read({ '**:1.2': 5 });
  expect([freshness('ghcr.io/a', '1.2'), freshness('ghcr.io/a', '1x2')]).toEqual([5, 60]);
});

test('what is no pattern of tags is named', () => {
  const wrong = ['ghcr.io/a', 'ghcr.io/*/b:*', 'ghcr.io/a:', '**:{a'];
  expect(read(Object.fromEntries(wrong.map((pattern) => [pattern, 1]))).errors).toEqual(
    wrong.map((pattern) => expect.stringContaining(`mirror.tags: ${pattern} is not a pattern`)),
  );
});
