import type { Admission, LimitedUpload } from './admission.ts';
import { QuotaExceeded } from './quota-exceeded.ts';

/** The body of a request whose bytes the session holds in its quotas before they are stored. */
export interface ReservedBody {
  readonly body: AsyncIterable<Uint8Array>;
  /** Releases what the session holds above `storedBytes`. To be called when nothing more is stored. */
  settle(storedBytes: number): Promise<void>;
}

export interface Announced {
  readonly body: AsyncIterable<Uint8Array>;
  /** Bytes that the session has stored before. */
  readonly storedBytes: number;
  /** Length of the body, if the client sent it. */
  readonly length: number | undefined;
  /** Bytes that the session holds already; 0 if unknown. */
  readonly heldBytes?: number;
}

/** Space that is held ahead of a body of unknown length, so that not every part of it needs a transaction. */
const maxAheadBytes = 16 * 1024 * 1024;

/**
 * Holds space for a body: all of it at once if its length is known, else more and more while it arrives. Throws `QuotaExceeded`
 * before a byte is read, or from the body before the byte that does not fit.
 */
export async function reserveBody(
  admission: Admission,
  session: LimitedUpload,
  { body, storedBytes, length, heldBytes = 0 }: Announced,
): Promise<ReservedBody> {
  if (!admission.isLimited) return { body, settle: () => Promise.resolve() };
  let held = heldBytes;
  if (length !== undefined && storedBytes + length > held) {
    held = storedBytes + length;
    await admission.hold(session, held);
  }

  /** Holds `needed` bytes, and as many more as have come so far, if there is room for them. */
  async function holdAhead(needed: number, receivedBytes: number): Promise<number> {
    const ahead = needed + Math.min(receivedBytes, maxAheadBytes);
    if (ahead > needed) {
      try {
        await admission.hold(session, ahead, false);
        return ahead;
      } catch (error) {
        if (!(error instanceof QuotaExceeded)) throw error;
      }
    }
    await admission.hold(session, needed);
    return needed;
  }

  async function* reserved(): AsyncGenerator<Uint8Array> {
    let receivedBytes = 0;
    for await (const bytes of body) {
      const needed = storedBytes + receivedBytes + bytes.length;
      if (needed > held) held = await holdAhead(needed, receivedBytes);
      receivedBytes += bytes.length;
      yield bytes;
    }
  }

  return {
    body: reserved(),
    async settle(bytes) {
      if (held > bytes) await admission.settle(session, bytes);
    },
  };
}
