import type { Message, MessageType } from './message.ts';
import type { Body, Place } from './format.ts';

const contentType = 'application/vnd.docker.distribution.events.v2+json';

interface Act {
  readonly action: 'push' | 'pull' | 'delete' | 'mount';
  /** Of the usual request. */
  readonly method: string;
}

/** A test message has no event. */
const actions: Partial<Readonly<Record<MessageType, Act>>> = {
  'image.push': { action: 'push', method: 'PUT' },
  'image.tag': { action: 'push', method: 'PUT' },
  'image.pull': { action: 'pull', method: 'GET' },
  'image.delete': { action: 'delete', method: 'DELETE' },
  'tag.delete': { action: 'delete', method: 'DELETE' },
  'blob.mount': { action: 'mount', method: 'POST' },
  'blob.delete': { action: 'delete', method: 'DELETE' },
};

/**
 * Returns the message as an envelope of CNCF Distribution's notifications (`notifications.endpoints`), with one event for each
 * pushed tag: https://distribution.github.io/distribution/about/notifications/. `id` is that of its first event.
 */
export function toEnvelope(id: string, message: Message, place: Place): Body {
  const act = actions[message.type];
  return { contentType, bytes: Buffer.from(JSON.stringify({ events: act ? eventsOf(id, message, act, place) : [] })) };
}

function eventsOf(id: string, message: Message, { action, method }: Act, place: Place): readonly object[] {
  const { at, actor, address, requestId } = message;
  const { host } = new URL(place.url);
  const common = {
    request: { id: requestId ?? '', addr: address || undefined, host, method, useragent: '' },
    actor: { name: actor || undefined },
    source: { addr: place.node, instanceID: place.instance },
  };
  const tags = action === 'push' && message.tags.length > 0 ? message.tags.map(({ name }) => name) : [tagOf(message)];
  return tags.map((tag, index) => ({
    id: index === 0 ? id : `${id}-${index}`,
    timestamp: new Date(at).toISOString(),
    action,
    target: targetOf(message, tag, place),
    ...common,
  }));
}

function tagOf({ type, tags }: Message): string | undefined {
  return type === 'image.delete' ? undefined : tags[0]?.name;
}

/** An event about a deleted tag names no digest: the manifest is still there. */
function targetOf({ type, digest, mediaType, sizeBytes, repository, detail }: Message, tag: string | undefined, place: Place) {
  if (type === 'tag.delete') return { repository, tag };
  if (type === 'image.delete' || type === 'blob.delete') return { digest, repository };
  const kind = type === 'blob.mount' ? 'blobs' : 'manifests';
  return {
    mediaType: mediaType ?? (type === 'blob.mount' ? 'application/octet-stream' : undefined),
    size: sizeBytes,
    digest,
    length: sizeBytes,
    repository,
    fromRepository: detail['from'],
    url: digest === undefined ? undefined : `${place.url}/v2/${repository}/${kind}/${digest}`,
    tag,
  };
}
