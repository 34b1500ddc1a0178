import type { AuditEvent } from '../../../storage/metadata/queries/steps/events.ts';
import { networkOf } from '../../coordination/network.ts';

/** A refusal for the audit log. */
export interface Refusal extends AuditEvent {
  /** True if the client only claims to be the actor: its network is counted instead. */
  readonly isClaimed: boolean;
}

/**
 * Refusals to be written to the audit log. A client can cause any number of them, so each client has a bounded number of
 * lines per minute, and the number of clients is bounded; repeated refusals become a count.
 */
export interface Refusals {
  add(refusal: Refusal): void;
  /** Removes and returns the lines to write now: new kinds of refusals, and the counts of ended minutes. */
  takeDue(now: number): readonly AuditEvent[];
  /** Removes and returns all lines: for a shutdown. */
  takeAll(): readonly AuditEvent[];
  /** True if there are lines to write or refusals to count. */
  hasAny(): boolean;
}

const windowMilliseconds = 60_000;
/** Most lines of one client per window. */
const maxLinesOfClient = 50;
/** Most accounts, and most networks without a login, with their own lines per window. */
const maxClients = 100;

/** The key of the clients beyond the bound: no name or network contains it. */
const sharedKey = '\0';

interface Line {
  readonly event: AuditEvent;
  isWritten: boolean;
  /** Refusals beyond the written line. */
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

  /** Returns the line that counts a refusal: beyond the bounds, one that a client or several clients share. */
  function lineOf({ isClaimed, ...event }: Refusal): Line {
    const clients = isClaimed ? networks : accounts;
    const key = isClaimed ? networkOf(event.address) : event.actor;
    const client = clients.get(key) ?? (clients.size < maxClients ? addClient(clients, key, event) : undefined);
    if (!client)
      return sharedLine(clients.get(sharedKey) ?? addClient(clients, sharedKey, event), { ...event, actor: '', address: '' });
    const kind = JSON.stringify([event.actor, event.action, event.target, event.detail]);
    const existing = client.lines.get(kind);
    if (existing) return existing;
    if (client.lines.size >= maxLinesOfClient) return sharedLine(client, isClaimed ? { ...event, actor: '' } : event);
    const line = { event, isWritten: false, unwritten: -1, lastAt: event.at };
    client.lines.set(kind, line);
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

/** Returns the line at the end of a window: the number of further refusals, the last of them at `at`. */
function toCountEvent({ event, unwritten: more, lastAt }: Line): AuditEvent {
  const detail = event.detail === undefined ? {} : (JSON.parse(event.detail) as object);
  return { ...event, at: lastAt, detail: JSON.stringify({ ...detail, more }) };
}
