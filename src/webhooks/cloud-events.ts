import type { Message } from './message.ts';
import type { Body, Place } from './format.ts';

/**
 * Returns the message in CloudEvents 1.0, structured mode:
 * https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
 */
export function toCloudEvent(id: string, message: Message, place: Place): Body {
  const { type, at, repository, subject, actor, address, requestId, digest, tags, mediaType, sizeBytes, detail } = message;
  const [only] = tags;
  const about = {
    registry: new URL(place.url).host,
    repository: repository || undefined,
    digest,
    tag: tags.length === 1 ? only?.name : undefined,
    tags: tags.length > 0 ? tags.map(({ name, before }) => ({ name, previous: before })) : undefined,
    mediaType,
    size: sizeBytes,
    actor: actor || undefined,
    address: address || undefined,
    requestId: requestId ?? undefined,
  };
  const event = {
    specversion: '1.0',
    id,
    source: place.url,
    type: `berth.${type}`,
    subject: repository || subject || undefined,
    time: new Date(at).toISOString(),
    datacontenttype: 'application/json',
    // What has no value hides nothing of the detail.
    data: { ...detail, ...Object.fromEntries(Object.entries(about).filter(([, value]) => value !== undefined)) },
  };
  return { contentType: 'application/cloudevents+json; charset=utf-8', bytes: Buffer.from(JSON.stringify(event)) };
}
