import { setTimeout as pause } from 'node:timers/promises';
import { ConcurrencyLimitExceeded } from '../../coordination/semaphore.ts';
import { OciError } from '../../oci/errors.ts';
import { type Platform, platformName } from '../../oci/platform.ts';
import type { NamedReference } from '../../oci/reference.ts';
import type { JobRecorder } from '../../progress/job-recorder.ts';
import { namespaceOf } from '../../upstream/upstream.ts';
import { reasonOf } from '../../upstream/upstream-error.ts';
import type { ContentsOptions } from './image-contents.ts';
import type { ImageName } from './image-name.ts';
import { preheat } from './preheat.ts';

/** Fetches images of upstreams on request, so that their files can be downloaded. */
export interface ImageFetches {
  /**
   * Begins to fetch an image; of an index the image of `platform`, or all of them. Resolves to the id of the job, which belongs
   * to the account `owner`. Throws UNSUPPORTED (409) for a repository that is not mirrored, and `ConcurrencyLimitExceeded`.
   */
  begin(image: NamedReference, platform: Platform | undefined, owner: string): Promise<string>;
}

export interface ImageFetchesOptions extends Omit<ContentsOptions, 'platforms'> {
  readonly recorder: JobRecorder;
  /** Resolves if everything of the image is stored; rejects if not. */
  readonly assertStored: (image: NamedReference, platform: Platform | undefined) => Promise<unknown>;
  /** Returns the names of the upstreams. */
  readonly upstreams: () => readonly string[];
}

/** Fetches of a process at a time. */
const maxAtOnce = 4;

/** A blob is recorded a moment after its last byte. */
const looks = { count: 50, pauseMilliseconds: 100 };

export function createImageFetches({ recorder, upstreams, assertStored, ...options }: ImageFetchesOptions): ImageFetches {
  const running = new Map<string, Promise<string>>();

  function begin(name: ImageName, image: NamedReference, platform: Platform | undefined, owner: string, key: string) {
    const started = Promise.withResolvers<string>();
    const { repository, reference } = image;
    const subject = reference.tag === undefined ? `${repository}@${reference.digest}` : `${repository}:${reference.tag}`;
    const job = { kind: 'fetch', owner, subject, unit: 'bytes' } as const;
    const platforms = platform && [platformName(platform)];
    void recorder
      .track(job, async ({ id, report, setResult }) => {
        setResult(`/ui/r/${subject}`);
        started.resolve(id);
        try {
          await preheat(name, { ...options, platforms, onProgress: report });
          await untilStored(() => assertStored(image, platform));
        } catch (error) {
          throw new OciError('UNSUPPORTED', { status: 409, message: reasonOf(error), cause: error });
        }
      })
      // The job has the reason.
      .catch(() => undefined)
      .finally(() => running.delete(key));
    return started.promise;
  }

  return {
    begin(image, platform, owner) {
      const name = toUpstreamName(image, upstreams());
      if (!name) {
        const message = `${image.repository} is not mirrored: there is nowhere to fetch it from`;
        return Promise.reject(new OciError('UNSUPPORTED', { status: 409, message }));
      }
      const key = JSON.stringify([image, platform, owner]);
      const known = running.get(key);
      if (known) return known;
      if (running.size >= maxAtOnce) return Promise.reject(new ConcurrencyLimitExceeded('too many images are being fetched'));
      const started = begin(name, image, platform, owner, key);
      running.set(key, started);
      return started;
    },
  };
}

/** Rejects as the last look does. */
async function untilStored(look: () => Promise<unknown>): Promise<void> {
  for (let left = looks.count; ; left--) {
    try {
      await look();
      return;
    } catch (error) {
      if (left === 0) throw error;
      await pause(looks.pauseMilliseconds);
    }
  }
}

function toUpstreamName({ repository, reference }: NamedReference, upstreams: readonly string[]): ImageName | undefined {
  const host = upstreams.find((name) => repository.startsWith(`${namespaceOf({ name })}/`));
  if (host === undefined) return undefined;
  const name = repository.slice(namespaceOf({ name: host }).length + 1) as ImageName['name'];
  return { host, name, reference };
}
