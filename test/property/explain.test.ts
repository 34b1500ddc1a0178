import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createAccess } from '../../src/access/access.ts';
import { createAdministration } from '../../src/access/accounts/create-administration.ts';
import { type Explainer, createExplainer } from '../../src/access/accounts/explain.ts';
import { actions } from '../../src/access/permissions/action.ts';
import { authorize } from '../../src/access/permissions/authorize.ts';
import { patternsOf } from '../../src/oci/patterns/repository-pattern.ts';
import { type RepositoryName, parseRepositoryName } from '../../src/oci/reference.ts';
import { createSqliteStore } from '../../storage/metadata/sqlite/sqlite-store.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';

const required = <Value>(value: Value | undefined): Value => {
  if (value === undefined) throw new Error('missing');
  return value;
};
const accounts = ['root', 'alice', 'bob', 'ci', 'anonymous'];
const hidden = 'docker.io/secret';
const names = ['alice/app', 'team/a', 'team/a/b', 'bob/x', hidden].map((name) => required(parseRepositoryName(name)));
const patterns = ['alice/app', 'team/a', 'team/*', 'team/**', 'team/a/**', 'bob/**', 'docker.io/**', '*', '**', 't*'];
const now = () => 1_000_000;

let directory: string;
let metadata: MetadataStore;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-explain-'));
  metadata = await createSqliteStore({ file: join(directory, 'metadata.sqlite') });
});
afterAll(async () => {
  await metadata.close();
  await rm(directory, { recursive: true });
});

const subject = fc.constantFrom('user:root', 'user:alice', 'user:bob', 'robot:ci', 'team:devs', 'authenticated', 'anonymous');
const change = fc.oneof(
  fc.record({
    do: fc.constant('grant' as const),
    subject,
    pattern: fc.constantFrom(...patterns),
    actions: fc.subarray([...actions], { minLength: 1 }),
  }),
  fc.record({
    do: fc.constant('show' as const),
    pattern: fc.constantFrom(...patterns),
    isPublic: fc.option(fc.boolean(), { nil: undefined }),
  }),
  fc.record({ do: fc.constant('disable' as const), account: fc.constantFrom('alice', 'bob', 'ci'), isDisabled: fc.boolean() }),
  fc.record({ do: fc.constant('join' as const), account: fc.constantFrom('alice', 'bob', 'ci'), leaves: fc.boolean() }),
);

test('an explanation allows what the authorizer allows, and names a rule for it', async () => {
  const administration = createAdministration(metadata, { name: 'test', address: '' }, now, new Set(['docker.io']));
  const hash = 'scrypt$';
  const create = (name: string, kind: 'user' | 'robot', isAdmin = false) =>
    metadata.accounts.create(
      { kind, name, passwordHash: hash, isAdmin, expiresAt: null, wantsNamespace: kind === 'user' },
      { at: 0, actor: '', address: '', action: 'user.create', target: name, result: 'done' },
    );
  for (const name of ['alice', 'bob']) await create(name, 'user');
  await create('root', 'user', true);
  await create('ci', 'robot');
  await administration.createTeam('devs');

  for (const anonymousPullsPublic of [true, false]) {
    const rules = { anonymousPullsPublic, reservedNames: new Set(['docker.io']), workloadRules: [] };
    const isShownByUpstream = (name: RepositoryName) => Promise.resolve(name !== hidden);
    const explainer = createExplainer({ ...rules, metadata, now, isShownByUpstream });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { maxLength: 4 }), async (changes) => {
        for (const one of changes) {
          if (one.do === 'grant') await administration.grant(one.subject, one.pattern, one.actions.join(','));
          else if (one.do === 'show') await administration.setPublic(one.pattern, one.isPublic);
          else if (one.do === 'disable') await administration.setDisabled(one.account, one.isDisabled);
          else await (one.leaves ? administration.removeMember : administration.addMember)('devs', one.account);
        }
        await compareAll(explainer, rules, isShownByUpstream);
        const { items } = await explainer.rulesOf(required(names[0]), { after: 0, limit: 1000 }).then(({ grants }) => grants);
        const all = await metadata.grants.list(undefined, 0, 1000);
        const texts = patternsOf(required(names[0])).map(({ text }) => text);
        expect(items.map(({ id }) => id)).toEqual(all.filter(({ pattern }) => texts.includes(pattern)).map(({ id }) => id));
      }),
      { numRuns: 25 },
    );
  }
}, 60_000);

/** Compares every account, repository and action with the decision for the principal of a login. */
async function compareAll(
  explainer: Explainer,
  rules: Pick<Parameters<typeof createAccess>[0], 'anonymousPullsPublic' | 'reservedNames' | 'workloadRules'>,
  isShownByUpstream: (name: RepositoryName) => Promise<boolean>,
): Promise<void> {
  const audit = { record: () => undefined, recordLogin: () => Promise.resolve() };
  const { permissions } = createAccess({ ...rules, metadata, now, tokenSeconds: 300, audit });
  for (const name of accounts) {
    const account = await metadata.accounts.findByName(name);
    const principal = await permissions.permissionsFor(
      account ? { kind: 'account', accountId: account.id, generation: account.generation } : { kind: 'anonymous' },
    );
    for (const repository of names) {
      const explanation = await explainer.explain(name, repository);
      const isPublic = (await permissions.isPublic(repository)) && (await isShownByUpstream(repository));
      const decided = actions.map((action) => ({
        action,
        isAllowed: principal !== undefined && authorize(principal, { action, repository, isPublic }) === 'allow',
      }));
      expect(explanation.actions.map(({ action, isAllowed }) => ({ action, isAllowed }))).toEqual(decided);
      expect(explanation.visibility.isPublic).toBe(isPublic);
      for (const { isAllowed, rules: named } of explanation.actions) if (isAllowed) expect(named).not.toEqual([]);
    }
  }
}
