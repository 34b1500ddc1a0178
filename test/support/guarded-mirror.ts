import { type GuardedBerth, adminPassword, basic, callAs, startGuarded } from './access.ts';
import type { Answer, Call } from './call.ts';
import { type FakeUpstream, startFakeUpstream } from './fake-upstream.ts';
import { mirrorConfig } from './mirror.ts';

/** berth has a login at Docker Hub that sees more than anonymous clients do. */
export const bot = { username: 'bot', password: 'beep' };
/** Users that a test may ask for. Each costs a slow hash. */
type User = 'alice' | 'bob';
const passwords: Readonly<Record<User, string>> = { alice: 'wonderland', bob: 'bob the builder' };
export const admin = basic('admin', adminPassword);
export const alice = basic('alice', passwords.alice);
const bob = basic('bob', passwords.bob);
export const subjects = { anonymous: undefined, bob, alice, admin };
export type SubjectName = keyof typeof subjects;

export interface GuardedMirror extends GuardedBerth {
  readonly hub: FakeUpstream;
  as(subject: SubjectName, method: string, path: string, options?: Call): Promise<Answer>;
}

/** Starts a mirror of a fake Docker Hub: what is public there is public here, and alice may read `company/**`. */
export async function startGuardedMirror(
  users: readonly User[],
  mirror: object = {},
  hub?: FakeUpstream,
): Promise<GuardedMirror> {
  const upstream = hub ?? (await startFakeUpstream({ auth: 'bearer', users: [bot] }));
  const { file, remove } = await mirrorConfig({ upstreams: { 'docker.io': { url: upstream.url, ...bot } }, ...mirror });
  const berth = await startGuarded({ BERTH_CONFIG: file });
  const { administration } = berth;
  await administration.setPublic('docker.io/**', true);
  for (const name of users) await administration.createUser({ name, password: passwords[name], isAdmin: false });
  if (users.includes('alice')) await administration.grant('user:alice', 'docker.io/company/**', 'pull');
  return {
    ...berth,
    hub: upstream,
    as: (subject, method, path, options) => callAs(berth, subjects[subject], method, path, options),
    async close() {
      await berth.close();
      await upstream.close();
      await remove();
    },
  };
}
