import { randomUUID } from 'node:crypto';
import type { MetadataStore } from '../../../storage/metadata/store.ts';

/** Returns the id of a session for an upload in one request. No client can continue it: it is not an id as clients get them. */
export const wholeUploadId = (): string => `${wholePrefix}${randomUUID()}`;

const wholePrefix = 'whole-';

export interface LeftSessions {
  readonly metadata: Pick<MetadataStore, 'quotaReservations'>;
  /** True while a request of this process works on the session. */
  readonly isBusy: (id: string) => boolean;
  /** Runs `work` unless a request works on the session. */
  readonly unlessBusy: (id: string, work: () => Promise<void>) => Promise<unknown>;
  /** Deletes the session and its bytes. */
  readonly drop: (id: string) => Promise<void>;
  /** Returns the number of bytes that the session has stored. */
  readonly storedBytes: (id: string) => Promise<number>;
}

const sessionsAtOnce = 500;

/**
 * Releases what sessions begun before `before` (milliseconds since 1970) hold above the bytes that they have stored, and
 * deletes those of uploads in one request: their processes have died.
 */
export async function releaseLeftSpace(sessions: LeftSessions, before: number): Promise<void> {
  const { metadata, isBusy, unlessBusy, drop, storedBytes } = sessions;
  for (let after: string | undefined = ''; after !== undefined;) {
    const page: readonly { readonly id: string }[] = await metadata.quotaReservations.list(before, after, sessionsAtOnce);
    for (const { id } of page) {
      if (isBusy(id)) continue;
      await unlessBusy(id, async () => {
        if (id.startsWith(wholePrefix)) await drop(id);
        else await metadata.quotaReservations.settle(id, await storedBytes(id));
      });
    }
    after = page.length === sessionsAtOnce ? page.at(-1)?.id : undefined;
  }
}
