import type { OpenObject } from '../../../storage/blobs/driver.ts';
import type { Use } from '../../../storage/metadata/queries/mirror/content.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { createBatch } from '../../coordination/batch.ts';
import type { MirrorEvents } from '../events/mirror-events.ts';
import type { Digest } from '../../oci/digest.ts';

/** When mirrored content was last used: gathered in memory and written in batches, so that a pull waits for nothing. */
export interface LastUsedTracker {
  /** Records a use of the content, `at` milliseconds since 1970. */
  touch(digest: Digest, at: number): void;
  /** Returns the object; its content is in use until it is closed. */
  pinWhileOpen(digest: Digest, object: OpenObject): OpenObject;
  isPinned(digest: Digest): boolean;
  /** Writes the gathered uses, and a use of all content that is being read. */
  flush(): Promise<void>;
}

/** Limits the memory: a full batch is written at once. */
const largestBatch = 1000;

export function createLastUsedTracker(
  metadata: MetadataStore,
  now: () => number,
  events: Pick<MirrorEvents, 'lastUsesNotRecorded'>,
): LastUsedTracker {
  const repositoryRefs = new Map<Digest, number>();
  const gathered = createBatch(largestBatch, write);

  async function write(uses: readonly Use[]): Promise<void> {
    const stillRead = [...repositoryRefs.keys()].map((digest) => ({ digest, usedAt: now(), isNew: false }));
    const batch = [...uses, ...stillRead];
    if (batch.length === 0) return;
    try {
      await metadata.mirroredContent.recordUses(batch);
    } catch (error) {
      events.lastUsesNotRecorded(error);
    }
  }

  function unpin(digest: Digest): void {
    const others = (repositoryRefs.get(digest) ?? 1) - 1;
    if (others === 0) repositoryRefs.delete(digest);
    else repositoryRefs.set(digest, others);
  }

  return {
    touch(digest, at) {
      gathered.add(digest, { digest, usedAt: at, isNew: true });
    },

    pinWhileOpen(digest, object) {
      let isHeld = true;
      repositoryRefs.set(digest, (repositoryRefs.get(digest) ?? 0) + 1);
      return {
        ...object,
        async close() {
          if (isHeld) unpin(digest);
          isHeld = false;
          await object.close();
        },
      };
    },

    isPinned: (digest) => repositoryRefs.has(digest),
    flush: gathered.flush,
  };
}
