import type { AuditEvent } from '../../../storage/metadata/queries/audit-steps.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { createRefusals } from './refusals.ts';

/** A line of the audit log that belongs to no change of the store: a login, or a refusal. */
export interface AuditNote extends Omit<AuditEvent, 'at'> {
  /** Of a refusal: the client only claims to be the actor. */
  readonly isClaimed?: boolean;
}

/**
 * Lines that belong to no change of the store; changes record themselves in their own transaction. Logins wait until the
 * store has taken them; refusals are counted together (see `Refusals`) and take no place from logins.
 */
export interface Audit {
  /** Begins to write a login at once, and a refusal within a second. Durable after `flush`. */
  record(note: AuditNote): void;
  /** Resolves when everything is written, or could not be. */
  flush(): Promise<void>;
}

const batchMilliseconds = 1000;
/** Logins are kept while the store takes no changes, up to this number. */
const maxPending = 10_000;
/** Names come from clients. */
const longestName = 256;

/** `failed` is told when lines could not be written, or had to be dropped. */
export function createAudit(metadata: MetadataStore, now: () => number, failed: (error: unknown) => void): Audit {
  const refusals = createRefusals();
  let pending: AuditEvent[] = [];
  let timer: NodeJS.Timeout | undefined;
  let writing = Promise.resolve();

  async function write(refused: readonly AuditEvent[]): Promise<void> {
    const done = pending;
    pending = [];
    if (done.length + refused.length === 0) return;
    try {
      await metadata.audit.record([...done, ...refused]);
    } catch (error) {
      failed(error);
      pending = [...done, ...pending].slice(-maxPending);
    }
  }

  /** Lines that come while others are written are written together next. */
  function writeNext(refused: () => readonly AuditEvent[]): Promise<void> {
    return (writing = writing.then(() => write(refused())));
  }

  function writeSoon(): void {
    timer ??= setTimeout(() => {
      timer = undefined;
      void writeNext(() => refusals.takeDue(now())).then(() => {
        if (pending.length > 0 || refusals.hasAny()) writeSoon();
      });
    }, batchMilliseconds).unref();
  }

  return {
    record({ isClaimed = false, ...note }) {
      const event = { ...note, at: now(), actor: note.actor.slice(0, longestName), target: note.target.slice(0, longestName) };
      if (event.result === 'refused') refusals.add({ ...event, isClaimed });
      else {
        if (pending.push(event) > maxPending) pending.shift();
        void writeNext(() => []);
      }
      writeSoon();
    },
    flush() {
      clearTimeout(timer);
      timer = undefined;
      return writeNext(refusals.takeAll);
    },
  };
}
