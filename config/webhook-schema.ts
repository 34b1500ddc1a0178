import { choice, duration, entries, flag, optional, secret, section, someOf, text, url, wholeNumber, words } from './keys.ts';

/** Keys of webhooks; see `schema.ts`. */

const categories = ['push', 'tag', 'pull', 'delete', 'mount', 'quota', 'fill', 'login', 'retention'] as const;

export const webhooks = section({
  pulls: choice(['off', 'sampled', 'all'], 'whether pulls make messages, for targets with the event pull'),
  pullPercent: wholeNumber(1, 1, 100, 'part of the pulls that make messages with webhooks.pulls sampled, in percent'),
  retryFor: duration('24h', 'time for which a message is tried; then it is given up, and can be sent again by hand'),
  backlog: wholeNumber(
    100_000,
    100,
    10_000_000,
    'largest number of messages that wait for a target; beyond it the oldest ones are given up',
  ),
  keepDelivered: duration('24h', 'time for which delivered messages are listed, and can be sent again'),
  keepDead: duration('30d', 'time for which messages that were given up are listed, and can be sent again'),
  targets: entries({}, 'receivers of messages about what happens, by name (docs/webhooks.md)', {
    url: { ...url('URL that messages are posted to; redirects are refused'), secret: true },
    secret: secret('key that signs messages (HMAC SHA-256); default: they are not signed'),
    secretFile: optional(text('', 'file with this key, read again for each message')),
    format: choice(
      ['cloudevents', 'distribution'],
      'cloudevents: CloudEvents 1.0; distribution: the notifications of registry:2 (notifications.endpoints)',
    ),
    events: someOf(categories, ['push', 'delete'], 'what the target is told'),
    repositories: words(
      'patterns',
      'repositories whose events the target gets, such as team/**; a pattern with ! in front makes exceptions; default: all',
    ),
    headers: { ...words('NAME: VALUE', 'further headers of each message'), secret: true },
    bodySignature: flag(false, 'sign the body alone, too, in X-Signature: Flux reads it there'),
    timeout: duration('10s', 'longest wait for the response of the receiver'),
    privateAddress: flag(false, 'the URL may lead to a private address or to this machine'),
    ca: optional(text('', 'file with the certificates (PEM) of its authorities, in addition to those of the system')),
  }),
});
