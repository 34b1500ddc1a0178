import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { hashSync } from 'bcryptjs';
import { createAccess } from '../../../src/access/access.ts';
import { anonymousPrincipal } from '../../../src/access/permissions/principal.ts';
import { createPublicUrl } from '../../../src/http/server/public-url.ts';
import { classify } from '../../../src/http/errors/classify.ts';
import { createTokenAccess } from '../../../src/http/auth/token-access.ts';
import { MetadataError } from '../../../storage/metadata/store.ts';
import { type GuardedBerth, askToken, basic, startGuarded } from '../../support/access.ts';
import { isWrite, wrapOperations } from '../../support/wrapped-metadata.ts';
import type { RepositoryName } from '../../../src/oci/reference.ts';

const reservedNames: ReadonlySet<string> = new Set();

let berth: GuardedBerth;
beforeAll(async () => {
  berth = await startGuarded();
  await berth.administration.createUser({ name: 'alice', password: 'wonderland', isAdmin: false });
});
afterAll(() => berth.close());

test('logins and pulls continue while the store refuses writes', async () => {
  const { secret } = await berth.administration.createToken({ account: 'alice', name: 'laptop' });
  await berth.administration.importHtpasswd(`old:${hashSync('secret', 5)}`);
  const frozen = wrapOperations(
    berth.metadata,
    (operation, id) =>
      async (...args) =>
        (await isWrite(id)) ? Promise.reject(new MetadataError('read_only', 'berth is moving')) : operation(...args),
  );
  // Later than any key may sign.
  const now = () => Date.now() + 40 * 24 * 3600_000;
  const options = { metadata: frozen, now, audit: { record: () => undefined, recordLogin: () => Promise.resolve() } };
  await askToken(berth, basic('alice', 'wonderland'));
  const access = createAccess({ ...options, tokenSeconds: 300, anonymousPullsPublic: true, reservedNames, workloadRules: [] });
  for (const [name, shown] of [
    ['alice', secret],
    ['alice', 'wonderland'],
    ['old', 'secret'],
  ] as const) {
    const identity = await access.logins.login(name, shown, '127.0.0.1');
    const { token } = await access.tokenServer.issue(identity, [{ type: 'repository', name: `${name}/app`, actions: ['pull'] }]);
    expect(await access.authenticator.principal(`Bearer ${token}`, '127.0.0.1')).toMatchObject({ name });
  }
});

test('every login is answered with 503 while the metadata store does not answer', async () => {
  const login = basic('alice', 'wonderland');
  const bearer = { Authorization: `Bearer ${await askToken(berth, login, 'repository:alice/app:pull')}` };
  const down = wrapOperations(berth.metadata, () => () => Promise.reject(new MetadataError('unavailable', 'down')));
  const options = { metadata: down, now: Date.now, audit: { record: () => undefined, recordLogin: () => Promise.resolve() } };
  const access = createAccess({ ...options, tokenSeconds: 300, anonymousPullsPublic: true, reservedNames, workloadRules: [] });
  const place = () => ({ realm: 'http://localhost/token', service: 'berth' });
  const origin = createPublicUrl({ publicUrl: undefined, trustedProxies: [] });
  const upstreams = { isKnownPublic: () => Promise.resolve(true), hidden: () => Promise.resolve(new Set<string>()) };
  const control = createTokenAccess({ ...access, ...options, upstreams, publicUrl: origin, place });

  const repository = 'alice/app' as RepositoryName;
  // More than the wrong passwords after which a client has to wait.
  const repeated = Array.from({ length: 12 }, () => login);
  for (const { Authorization } of [bearer, ...repeated, { Authorization: undefined }]) {
    const request = { headers: { authorization: Authorization }, socket: {} } as never;
    const need = { action: 'pull', repository } as const;
    for (const question of [
      Promise.resolve(control.check(request, need)),
      control.authenticate(request),
      control.checkList(request),
      control.recognise(request),
      control.knows(request, repository),
      control.allows(anonymousPrincipal, 'pull', repository),
    ]) {
      const error = classify(await question.catch((reason: unknown) => reason));
      expect([error.code, error.status, error.headers['Retry-After']]).toEqual(['UNAVAILABLE', 503, '5']);
    }
  }
});
