import type { AuditEvent } from '../../../storage/metadata/queries/audit-steps.ts';
import { networkOf } from '../credentials/throttle.ts';

/** A refusal for the audit log. */
export interface Refusal extends AuditEvent {
  /** True if the client only claims to be the actor: then its network is what is counted. */
  readonly isClaimed: boolean;
}

/**
 * Refusals on their way to the audit log. A client can cause any number of them, so that each client has few lines in a
 * minute, and all of them together have a bound: more of the same become a count.
 */
export interface Refusals {
  add(refusal: Refusal): void;
  /** Takes what is to be written now: each new kind of refusal, and counts of those whose minute is over. */
  takeDue(now: number): readonly AuditEvent[];
  /** Takes everything: for a shutdown. */
  takeAll(): readonly AuditEvent[];
  /** True if something waits to be written or counted. */
  hasAny(): boolean;
}

const windowMilliseconds = 60_000;
/** Different refusals of one client that have a line of their own, in one window. */
const maxLinesOfClient = 50;
/** Accounts, and networks without a login, that have lines of their own at one time: neither take places from the other. */
const maxClients = 100;

/** The key of the clients that have no place: no name or network contains it. */
const sharedKey = '\0';

interface Line {
  readonly event: AuditEvent;
  isWritten: boolean;
  /** Refusals that the written line does not stand for. */
  unwritten: number;
  lastAt: number;
}

interface Client {
  readonly since: number;
  readonly lines: Map<string, Line>;
}

export function createRefusals(): Refusals {
  const accounts = new Map<string, Client>();
  const networks = new Map<string, Client>();

  /** Beyond a bound, lines of a client or whole clients share one line that has only a count. */
  function lineOf({ isClaimed, ...event }: Refusal): Line {
    const clients = isClaimed ? networks : accounts;
    const key = isClaimed ? networkOf(event.address) : event.actor;
    const client = clients.get(key) ?? (clients.size < maxClients ? addClient(clients, key, event) : undefined);
    if (!client)
      return sharedLine(clients.get(sharedKey) ?? addClient(clients, sharedKey, event), { ...event, actor: '', address: '' });
    const what = JSON.stringify([event.actor, event.action, event.target, event.detail]);
    const known = client.lines.get(what);
    if (known) return known;
    if (client.lines.size >= maxLinesOfClient) return sharedLine(client, isClaimed ? { ...event, actor: '' } : event);
    const line = { event, isWritten: false, unwritten: -1, lastAt: event.at };
    client.lines.set(what, line);
    return line;
  }

  function addClient(clients: Map<string, Client>, key: string, { at }: AuditEvent): Client {
    const client = { since: at, lines: new Map<string, Line>() };
    clients.set(key, client);
    return client;
  }

  function sharedLine({ lines }: Client, event: AuditEvent): Line {
    const line = lines.get('') ?? {
      event: { ...event, action: 'refusals', target: '', detail: undefined },
      isWritten: true,
      unwritten: 0,
      lastAt: event.at,
    };
    lines.set('', line);
    return line;
  }

  function take(hasEnded: (client: Client) => boolean): readonly AuditEvent[] {
    return [...takeFrom(accounts, hasEnded), ...takeFrom(networks, hasEnded)];
  }

  function takeFrom(clients: Map<string, Client>, isOver: (client: Client) => boolean): readonly AuditEvent[] {
    const taken: AuditEvent[] = [];
    for (const [key, client] of clients) {
      for (const line of client.lines.values()) if (!line.isWritten) taken.push(line.event);
      for (const line of client.lines.values()) line.isWritten = true;
      if (!isOver(client)) continue;
      for (const line of client.lines.values()) if (line.unwritten > 0) taken.push(toCountEvent(line));
      clients.delete(key);
    }
    return taken;
  }

  return {
    add(refusal) {
      const line = lineOf(refusal);
      line.unwritten++;
      line.lastAt = refusal.at;
    },
    takeDue: (now) => take(({ since }) => now - since >= windowMilliseconds || now < since),
    takeAll: () => take(() => true),
    hasAny: () => accounts.size + networks.size > 0,
  };
}

/** The line at the end of a window: how many more there were, the last of them at `at`. */
function toCountEvent({ event, unwritten: more, lastAt }: Line): AuditEvent {
  const detail = event.detail === undefined ? {} : (JSON.parse(event.detail) as object);
  return { ...event, at: lastAt, detail: JSON.stringify({ ...detail, more }) };
}
