import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { mediaTypes } from '../../src/oci/media-types.ts';
import { type GuardedBerth, apiOf, basic, startGuarded } from '../support/access.ts';
import { type Answer, call } from '../support/call.ts';

/**
 * No sequence of calls lets a subject read a byte that it has no grant for. Subjects push, pull, mount, list, and meddle
 * with each other's uploads; grants and visibility change in between. The model keeps which repository came by which
 * content, and who may do what, in the simplest way there is.
 */
let berth: GuardedBerth;
beforeAll(async () => {
  berth = await startGuarded();
  for (const name of people) await berth.administration.createUser({ name, password: passwordOf(name), isAdmin: false });
});
afterAll(() => berth.close());

const people = ['alice', 'bob'] as const;
const passwordOf = (name: string) => `password of ${name}`;
type Subject = (typeof people)[number] | 'nobody';
type Action = 'pull' | 'push';

const subjects: fc.Arbitrary<Subject> = fc.constantFrom<Subject>(...people, ...people, 'nobody');
const place = fc.constantFrom('alice/a', 'bob/a', 'team/a');
const secret = fc.nat({ max: 1 });

type Step =
  | { readonly do: 'push'; readonly who: Subject; readonly where: string; readonly what: number }
  | {
      readonly do: 'mount';
      readonly who: Subject;
      readonly from: string | undefined;
      readonly where: string;
      readonly what: number;
    }
  | { readonly do: 'read'; readonly who: Subject; readonly where: string; readonly what: number; readonly range: boolean }
  | { readonly do: 'begin' | 'resume'; readonly who: Subject; readonly where: string; readonly what: number }
  | { readonly do: 'describe' | 'refer' | 'list'; readonly who: Subject; readonly where: string; readonly what: number }
  | { readonly do: 'grant'; readonly who: Subject; readonly where: string; readonly actions: Action }
  | { readonly do: 'publish'; readonly where: string; readonly isPublic: boolean };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('push' as const), who: subjects, where: place, what: secret }),
  fc.record({
    do: fc.constant('mount' as const),
    who: subjects,
    from: fc.option(place, { nil: undefined }),
    where: place,
    what: secret,
  }),
  fc.record({ do: fc.constant('read' as const), who: subjects, where: place, what: secret, range: fc.boolean() }),
  fc.record({ do: fc.constantFrom('begin' as const, 'resume' as const), who: subjects, where: place, what: secret }),
  fc.record({
    do: fc.constantFrom('describe' as const, 'refer' as const, 'list' as const),
    who: subjects,
    where: place,
    what: secret,
  }),
  fc.record({ do: fc.constant('grant' as const), who: subjects, where: place, actions: fc.constantFrom<Action>('pull', 'push') }),
  fc.record({ do: fc.constant('publish' as const), where: place, isPublic: fc.boolean() }),
);

/** Each run has names of its own, so that runs know nothing of each other. */
class World {
  readonly run: string;
  readonly links = new Set<string>();
  /** The latest grant of a subject in a place; `nobody`: of everybody. */
  readonly granted = new Map<string, Action>();
  readonly open = new Set<string>();
  readonly uploads: { readonly owner: Subject; readonly where: string; readonly location: string; bytes: string }[] = [];

  constructor(run: string) {
    this.run = run;
  }

  name(where: string): string {
    return `${where}-${this.run}`;
  }

  content(what: number): string {
    return `secret ${what} of ${this.run}`;
  }

  may(who: Subject, action: Action, where: string): boolean {
    if (action === 'pull' && this.open.has(where)) return true;
    if (who !== 'nobody' && where.startsWith(`${who}/`)) return true;
    return this.granted.get(`${who} ${where}`) === action || this.granted.get(`nobody ${where}`) === action;
  }
}

const digestOf = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;
const loginOf = (who: Subject) => (who === 'nobody' ? {} : basic(who, passwordOf(who)));

function ask(who: Subject, method: string, path: string, body?: string, headers = {}): Promise<Answer> {
  const length = body === undefined ? { 'Content-Length': 0 } : {};
  return call(berth, method, path, {
    headers: { ...loginOf(who), ...length, ...headers },
    ...(body === undefined ? {} : { body }),
  });
}

const api = apiOf(() => berth);
async function change(method: string, path: string, body: unknown): Promise<void> {
  expect([201, 204]).toContain((await api(method, path, body)).status);
}

/** Takes a step of each kind and compares its outcome with the model. */
const takers: { readonly [Kind in Step['do']]: (world: World, now: Step & { readonly do: Kind }) => Promise<void> } = {
  async grant(world, now) {
    const subject = now.who === 'nobody' ? 'anonymous' : `user:${now.who}`;
    await change('POST', '/grants', { subject, pattern: world.name(now.where), actions: [now.actions] });
    world.granted.set(`${now.who} ${now.where}`, now.actions);
  },
  async publish(world, now) {
    await change('PUT', '/visibilities', { pattern: world.name(now.where), public: now.isPublic });
    if (now.isPublic) world.open.add(now.where);
    else world.open.delete(now.where);
  },
  async push(world, now) {
    const content = world.content(now.what);
    const answer = await ask(now.who, 'POST', `/v2/${world.name(now.where)}/blobs/uploads/?digest=${digestOf(content)}`, content);
    expect(answer.status === 201).toBe(world.may(now.who, 'push', now.where));
    if (answer.status === 201) world.links.add(`${now.where} ${digestOf(content)}`);
    return;
  },
  async mount(world, now) {
    const digest = digestOf(world.content(now.what));
    const from = now.from === undefined ? '' : `&from=${world.name(now.from)}`;
    const answer = await ask(now.who, 'POST', `/v2/${world.name(now.where)}/blobs/uploads/?mount=${digest}${from}`);
    const allowed =
      now.from !== undefined &&
      world.may(now.who, 'push', now.where) &&
      world.may(now.who, 'pull', now.from) &&
      world.links.has(`${now.from} ${digest}`);
    expect(answer.status === 201).toBe(allowed);
    if (allowed) world.links.add(`${now.where} ${digest}`);
    return;
  },
  async read(world, now) {
    const content = world.content(now.what);
    const path = `/v2/${world.name(now.where)}/blobs/${digestOf(content)}`;
    const answer = await ask(now.who, 'GET', path, undefined, now.range ? { Range: 'bytes=1-4' } : {});
    const head = await ask(now.who, 'HEAD', path);
    const allowed = world.may(now.who, 'pull', now.where) && world.links.has(`${now.where} ${digestOf(content)}`);
    expect([200, 206].includes(answer.status)).toBe(allowed);
    expect(head.status === 200).toBe(allowed);
    if (!allowed) expect(answer.body.toString()).not.toContain('secret');
    return;
  },
  async begin(world, now) {
    const answer = await ask(now.who, 'POST', `/v2/${world.name(now.where)}/blobs/uploads/`);
    expect(answer.status === 202).toBe(world.may(now.who, 'push', now.where));
    if (answer.status !== 202) return;
    const bytes = world.content(now.what).slice(0, 6);
    const location = answer.header('location');
    expect((await ask(now.who, 'PATCH', location, bytes)).status).toBe(202);
    world.uploads.push({ owner: now.who, where: now.where, location, bytes });
  },
  async resume(world, now) {
    // Somebody tries to finish an upload as its own: what it holds would become readable.
    const upload = world.uploads.at(now.what - 2);
    if (!upload) return;
    const location = upload.location.replace(world.name(upload.where), world.name(now.where));
    const answer = await ask(now.who, 'PUT', `${location}?digest=${digestOf(`${upload.bytes}!`)}`, '!');
    const allowed = now.who === upload.owner && now.where === upload.where && world.may(now.who, 'push', now.where);
    expect(answer.status === 201).toBe(allowed);
    if (!allowed) return;
    world.uploads.splice(world.uploads.indexOf(upload), 1);
    world.links.add(`${now.where} ${digestOf(`${upload.bytes}!`)}`);
  },
  async describe(world, now) {
    // A manifest that names a blob of another repository must not make it readable here.
    const content = world.content(now.what);
    const manifest = JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: { mediaType: 'application/vnd.oci.empty.v1+json', digest: digestOf(content), size: content.length },
      layers: [],
      subject: { mediaType: mediaTypes.ociManifest, digest: digestOf('subject'), size: 7 },
    });
    const headers = { 'Content-Type': mediaTypes.ociManifest };
    const answer = await ask(now.who, 'PUT', `/v2/${world.name(now.where)}/manifests/t${now.what}`, manifest, headers);
    const allowed = world.may(now.who, 'push', now.where) && world.links.has(`${now.where} ${digestOf(content)}`);
    expect(answer.status === 201).toBe(allowed);
    if (allowed) world.links.add(`${now.where} manifest`);
    return;
  },
  async refer(world, now) {
    const name = world.name(now.where);
    const referrers = await ask(now.who, 'GET', `/v2/${name}/referrers/${digestOf('subject')}`);
    const tags = await ask(now.who, 'GET', `/v2/${name}/tags/list`);
    const manifest = await ask(now.who, 'GET', `/v2/${name}/manifests/t${now.what}`);
    const allowed = world.may(now.who, 'pull', now.where);
    expect(referrers.status === 200).toBe(allowed);
    if (!allowed) expect([tags.status, manifest.status]).toEqual(now.who === 'nobody' ? [401, 401] : [404, 404]);
    return;
  },
  async list(world, now) {
    const known = [...new Set([...world.links].map((link) => link.split(' ')[0] ?? ''))];
    const visible = known.filter((where) => world.may(now.who, 'pull', where)).map((where) => world.name(where));
    const found = await ask(now.who, 'GET', `/v1/search?q=-${world.run}&n=100`);
    const { results } = found.json() as { results: { name: string }[] };
    expect(
      results
        .map(({ name }) => name)
        .filter((name) => name.endsWith(`-${world.run}`))
        .sort(),
    ).toEqual(visible.sort());
    const answer = await ask(now.who, 'GET', '/v2/_catalog');
    expect(answer.status).toBe(now.who === 'nobody' ? 401 : 200);
    if (now.who === 'nobody') return;
    const { repositories } = answer.json() as { repositories: string[] };
    expect(repositories.filter((name) => name.endsWith(`-${world.run}`))).toEqual(visible);
  },
};

function take(world: World, now: Step): Promise<void> {
  return (takers[now.do] as (world: World, now: Step) => Promise<void>)(world, now);
}

test('no sequence of calls lets a subject read what it has no grant for', async () => {
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async (steps) => {
      const world = new World(`r${++runs}`);
      for (const who of people) {
        await take(world, { do: 'push', who, where: `${who}/a`, what: people.indexOf(who) });
        await take(world, { do: 'grant', who, where: 'team/a', actions: 'push' });
        await take(world, { do: 'begin', who, where: 'team/a', what: 0 });
      }
      for (const now of steps) await take(world, now);
    }),
    { numRuns: 40 },
  );
}, 300_000);
