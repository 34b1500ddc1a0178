import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type TestBerth, startBerth } from '../support/berth.ts';
import { call } from '../support/call.ts';
import { type TestImage, digestOf, newImage, newIndex, pushBlobs, putManifest } from '../support/images.ts';
import { mediaTypes } from '../../src/oci/media-types.ts';

/** Few names, so that they meet. */
const repositories = ['a', 'b/c'] as const;
const tags = ['1', '2', 'latest'] as const;
const images: readonly TestImage[] = [newImage(), newImage(), newImage()];
const index = newIndex(images.slice(0, 2));

type Step =
  | {
      readonly kind: 'push' | 'pushIndex' | 'deleteTag';
      readonly repository: string;
      readonly tag: string;
      readonly image: number;
    }
  | { readonly kind: 'deleteManifest' | 'deleteLayer'; readonly repository: string; readonly image: number }
  | { readonly kind: 'restart' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constantFrom('push' as const, 'pushIndex' as const, 'deleteTag' as const),
      repository: fc.constantFrom(...repositories),
      tag: fc.constantFrom(...tags),
      image: fc.nat(images.length - 1),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom('deleteManifest' as const, 'deleteLayer' as const),
      repository: fc.constantFrom(...repositories),
      image: fc.nat(images.length - 1),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) },
);

/** What the registry must hold: manifests by digest, and tags, of each repository. */
interface Repository {
  readonly manifests: Set<string>;
  readonly tags: Map<string, string>;
}

type Model = ReadonlyMap<string, Repository>;

const imageAt = (at: number) => images[at] ?? newImage();

async function perform(berth: TestBerth, model: Model, step: Exclude<Step, { kind: 'restart' }>): Promise<void> {
  const { repository, kind } = step;
  const holds = model.get(repository) ?? { manifests: new Set<string>(), tags: new Map<string, string>() };
  const image = imageAt(step.image);
  switch (kind) {
    case 'push': {
      await pushBlobs(berth, repository, image);
      expect((await putManifest(berth, repository, step.tag, image.manifest)).status).toBe(201);
      holds.manifests.add(image.digest);
      holds.tags.set(step.tag, image.digest);
      break;
    }
    case 'pushIndex': {
      const complete = images.slice(0, 2).every(({ digest }) => holds.manifests.has(digest));
      const answer = await putManifest(berth, repository, step.tag, index, mediaTypes.ociIndex);
      expect(answer.status).toBe(complete ? 201 : 404);
      if (!complete) break;
      holds.manifests.add(digestOf(index));
      holds.tags.set(step.tag, digestOf(index));
      break;
    }
    case 'deleteTag': {
      const answer = await call(berth, 'DELETE', `/v2/${repository}/manifests/${step.tag}`);
      expect(answer.status).toBe(holds.tags.delete(step.tag) ? 202 : 404);
      break;
    }
    case 'deleteManifest': {
      const isChild = step.image < 2 && holds.manifests.has(digestOf(index));
      const answer = await call(berth, 'DELETE', `/v2/${repository}/manifests/${image.digest}`);
      expect(answer.status).toBe(!holds.manifests.has(image.digest) ? 404 : isChild ? 405 : 202);
      if (answer.status !== 202) break;
      holds.manifests.delete(image.digest);
      for (const [tag, digest] of holds.tags) if (digest === image.digest) holds.tags.delete(tag);
      break;
    }
    case 'deleteLayer': {
      const answer = await call(berth, 'DELETE', `/v2/${repository}/blobs/${digestOf(image.layer)}`);
      if (holds.manifests.has(image.digest)) expect(answer.status).toBe(405);
      else expect([202, 404]).toContain(answer.status);
      break;
    }
  }
}

/** Every tag is where the model has it, and everything that it leads to can be read. */
async function compare(berth: TestBerth, model: Model): Promise<void> {
  for (const [repository, { manifests, tags }] of model) {
    const listed = await call(berth, 'GET', `/v2/${repository}/tags/list`);
    if (listed.status === 200) expect(listed.json()).toEqual({ name: repository, tags: [...tags.keys()].sort() });
    else expect([listed.status, tags.size]).toEqual([404, 0]);
    for (const [tag, digest] of tags) {
      expect((await call(berth, 'HEAD', `/v2/${repository}/manifests/${tag}`)).header('docker-content-digest')).toBe(digest);
    }
    for (const image of images) await compareImage(berth, repository, image, manifests.has(image.digest));
    const indexAnswer = await call(berth, 'GET', `/v2/${repository}/manifests/${digestOf(index)}`);
    expect(indexAnswer.status).toBe(manifests.has(digestOf(index)) ? 200 : 404);
  }
}

async function compareImage(berth: TestBerth, repository: string, image: TestImage, isHeld: boolean): Promise<void> {
  const manifest = await call(berth, 'GET', `/v2/${repository}/manifests/${image.digest}`);
  expect(manifest.status).toBe(isHeld ? 200 : 404);
  if (!isHeld) return;
  expect(manifest.body.toString()).toBe(image.manifest);
  for (const blob of [image.layer, Buffer.from(image.config)]) {
    expect((await call(berth, 'GET', `/v2/${repository}/blobs/${digestOf(blob)}`)).body.equals(blob)).toBe(true);
  }
}

test('random pushes, deletions and restarts leave what the model says, and every manifest stays whole', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
      let berth = await startBerth();
      const model: Model = new Map(
        repositories.map((name) => [name, { manifests: new Set<string>(), tags: new Map<string, string>() }]),
      );
      try {
        for (const one of steps) {
          if (one.kind === 'restart') berth = await berth.restart();
          else await perform(berth, model, one);
        }
        await compare(berth, model);
      } finally {
        await berth.close();
      }
    }),
    { numRuns: 25 },
  );
}, 120_000);
