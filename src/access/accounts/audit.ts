import type { AuditEvent } from '../../../storage/metadata/queries/steps/events.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { withTimeout } from '../../coordination/timeout.ts';
import { createRefusals } from './refusals.ts';

/** A line of the audit log without a change of the store: a login or a refusal. */
export interface AuditNote extends Omit<AuditEvent, 'at'> {
  /** Set for a refusal whose client only claims to be the actor. */
  readonly isClaimed?: boolean;
}

/**
 * Records logins and refusals; changes of the store are recorded in their own transaction. Logins are retried until the
 * store takes them; refusals are counted (see `Refusals`) and never displace logins.
 */
export interface Audit {
  /** Begins to write a login immediately, a refusal within a second. Durable after `flush`. */
  record(note: AuditNote): void;
  /** Resolves when the login is written, its write has failed and will be tried again, or after a second. */
  recordLogin(note: AuditNote): Promise<void>;
  /** Resolves when all lines are written, or their write has failed. */
  flush(): Promise<void>;
}

const batchMilliseconds = 1000;
/** How long a login waits for its line: a store that cannot be written must not keep clients out. */
const maxLoginWaitSeconds = 1;
/** Most logins that wait while the store cannot be written. */
const maxPending = 10_000;
/** Bounds names, which come from clients. */
const longestName = 256;

/** Creates the audit log. `failed` is called when lines could not be written, or were dropped. `now` in milliseconds. */
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

  /** Lines recorded during a write are written together by the next one. */
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

  function record({ isClaimed = false, ...note }: AuditNote): void {
    const event = { ...note, at: now(), actor: note.actor.slice(0, longestName), target: note.target.slice(0, longestName) };
    if (event.result === 'refused') refusals.add({ ...event, isClaimed });
    else {
      if (pending.push(event) > maxPending) pending.shift();
      void writeNext(() => []);
    }
    writeSoon();
  }

  return {
    record,
    async recordLogin(note) {
      record(note);
      await withTimeout(writing, maxLoginWaitSeconds);
    },
    flush() {
      clearTimeout(timer);
      timer = undefined;
      return writeNext(refusals.takeAll);
    },
  };
}
