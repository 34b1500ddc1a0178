import {
  type Parsed,
  address,
  choice,
  duration,
  entries,
  flag,
  networks,
  optional,
  processes,
  secret,
  section,
  someOf,
  size,
  text,
  url,
  wholeNumber,
  words,
} from './keys.ts';

/** Who berth is at an upstream. */
const login = {
  username: optional(text('', 'login at the upstream')),
  password: secret('belongs to username'),
  passwordFile: optional(text('', 'file that has the password, read again for each use')),
  credentialCommand: optional(text('', 'program that gives the login, such as docker-credential-ecr-login get')),
};

/**
 * Every configuration key. The loader, `berth config keys` and the table in docs/configuration.md are made from it.
 * `default.yaml` has the same keys with longer descriptions; a test keeps the two equal.
 */
export const schema = section({
  listen: address('127.0.0.1:5000', 'address to listen on'),
  publicUrl: optional(url('what clients call us; default: what the request says')),
  trustedProxies: networks('proxies whose X-Forwarded-* headers are believed'),
  locations: choice(['relative', 'absolute'], 'form of Location and Link headers'),
  tls: section({
    certificate: optional(text('', 'file with the certificate chain (PEM); read again when it changes')),
    key: optional(text('', 'file with the private key (PEM)')),
  }),
  workers: processes(1, 'processes that serve on this machine'),
  storage: section({
    blobs: section({
      driver: choice(['filesystem', 's3'], 'where layers and manifests lie'),
      directory: text('./data', 'folder of the filesystem driver'),
      s3: section({
        bucket: optional(text('', 'name of the bucket')),
        prefix: text('', 'put before every key'),
        region: text('us-east-1', 'region of the bucket'),
        endpoint: optional(url('address of an S3-compatible server; default: AWS')),
        publicEndpoint: optional(url('the same as clients reach it, for redirects; default: endpoint')),
        forcePathStyle: flag(false, 'name the bucket in the path, not in the host'),
        accessKeyId: optional(text('', "default: the AWS SDK's own chain (environment, profile, instance role)")),
        secretAccessKey: secret('belongs to accessKeyId'),
        redirect: flag(true, 'send clients to the bucket for blobs (presigned URLs), or stream them'),
        conditionalPut: flag(true, 'the server obeys If-None-Match on PUT, as AWS does; false: look first'),
        serverSideEncryption: optional(choice(['AES256', 'aws:kms'], 'encryption at rest')),
        kmsKeyId: optional(text('', 'key for aws:kms')),
        storageClass: optional(text('', 'such as STANDARD_IA')),
      }),
    }),
    metadata: section({
      driver: choice(['sqlite', 'postgres'], 'where repositories, tags, users and grants lie'),
      file: optional(text('', 'SQLite file; default: metadata.sqlite in storage.blobs.directory')),
      url: optional({ ...url('PostgreSQL: postgres://user:password@host/database', ['postgres:', 'postgresql:']), secret: true }),
      connections: wholeNumber(10, 1, 1000, 'most connections of a process to PostgreSQL'),
    }),
  }),
  manifests: section({
    maxSize: size('4MiB', 'largest manifest that may be pushed'),
    references: choice(['required', 'optional'], 'whether what a manifest references must have been pushed before'),
  }),
  uploads: section({
    expireAfter: duration('24h', 'unfinished uploads are dropped after this'),
    maxPerAccount: wholeNumber(5000, 1, 1_000_000, 'unfinished uploads of one account; more are refused with 429'),
    maxPerAddress: wholeNumber(5000, 1, 1_000_000, 'unfinished uploads from one address; more are refused with 429'),
    maxOpenFiles: wholeNumber(256, 1, 100_000, 'unfinished uploads that keep a file open between two requests'),
  }),
  shutdown: section({
    delay: duration('0s', 'how long /readyz says no before connections are refused: load balancers look elsewhere'),
    grace: duration('30s', 'how long running transfers may go on after SIGTERM'),
  }),
  access: section({
    mode: choice(
      ['open', 'token', 'external'],
      'open: everybody may do everything; token: logins, grants; external: tokens of another server',
    ),
    allowOpen: flag(false, 'permit mode open on an address that other machines reach'),
    openActions: someOf(
      ['pull', 'push', 'delete'],
      ['pull', 'push', 'delete'],
      'in mode open: what everybody may do; pull alone for a mirror',
    ),
    ignoreAccounts: flag(false, 'permit mode open over data that has accounts and grants, which it ignores'),
    tokenLifetime: duration('5m', 'how long a bearer token is good; revoked rights end at once'),
    anonymousPull: choice(['public', 'none'], 'what a client without a login may pull: public repositories, or nothing'),
    auditKeep: duration('90d', 'how long the audit log is kept'),
    external: section({
      realm: optional(url('where the other token server makes out its tokens')),
      service: text('berth', 'what it calls this registry: the audience of its tokens'),
      issuer: optional(text('', 'how it calls itself: the issuer of its tokens')),
      certificates: optional(text('', 'file with the certificates that its keys are believed by (PEM)')),
      jwksUrl: optional(url('where its public keys are (JWKS)')),
    }),
    identities: entries({}, 'CI providers whose signed tokens are taken as passwords, in mode token', {
      issuer: url("the tokens' issuer, as they say it"),
      jwksUrl: optional(url('where its keys are; default: what its discovery document says')),
      audience: text('berth', 'who the tokens must be made out for'),
      claims: words('NAME=VALUE', 'what the tokens must say'),
      grants: words('PATTERN:ACTIONS', 'what they may do'),
    }),
    oidc: section({
      issuer: optional(url('OpenID Connect provider that people log in by at /ui, in mode token, as it calls itself')),
      clientId: text('berth', 'how it knows this registry'),
      clientSecret: secret('belongs to clientId; without it: a public client'),
      scopes: text('openid profile', 'what it is asked to say of them'),
      claim: text('preferred_username', "the id token's claim that becomes the user's name"),
      createUsers: flag(true, 'whether people who are new get an account'),
      label: text('single sign-on', 'what the page calls it'),
    }),
    admin: section({
      username: text('admin', 'created at the first start in mode token'),
      password: secret('without it one is generated and printed once'),
    }),
  }),
  mirror: section({
    default: optional(text('', 'upstream for root-path requests (dockerd registry-mirrors), e.g. docker.io; off unless set')),
    allowPush: words('patterns', 'in mode open: repositories that take pushes although the default upstream has the name'),
    upstreams: entries(
      {
        'docker.io': { url: 'https://registry-1.docker.io' },
        'ghcr.io': { url: 'https://ghcr.io' },
        'quay.io': { url: 'https://quay.io' },
        'registry.k8s.io': { url: 'https://registry.k8s.io' },
        'gcr.io': { url: 'https://gcr.io' },
        'mcr.microsoft.com': { url: 'https://mcr.microsoft.com' },
        'public.ecr.aws': { url: 'https://public.ecr.aws' },
      },
      'registries that may be mirrored, by host name; merged over this list, and HOST: false removes one',
      {
        url: url('where the upstream answers'),
        ...login,
        passThrough: flag(false, "in mode open: what it shows not to everybody takes a client's own token of it"),
        logins: entries({}, 'other logins for some of its repositories, by pattern', login),
        search: optional(url('where docker search asks it too, such as https://index.docker.io; default: it is not asked')),
        bandwidth: optional(size('', 'that all downloads of a process from it may use a second; default: no limit')),
        connections: wholeNumber(64, 1, 10_000, 'downloads of a process from one of its hosts at a time; further ones wait'),
        ca: optional(text('', 'file with the certificates (PEM) of authorities that vouch for it, beside the system')),
        redirects: words('host names', 'where its redirects may lead to although the addresses are private'),
      },
    ),
    freshness: duration('60s', 'how long a mirrored tag is believed without asking the upstream'),
    tags: entries({}, 'freshness of some tags, by pattern, such as docker.io/library/**:*-alpine', {
      freshness: duration('24h', 'how long they are believed without asking the upstream'),
    }),
    staleWhileRevalidate: duration('0s', 'how much longer a tag is served at once while the upstream is asked in the background'),
    negativeCache: duration('30s', 'how long an upstream is not asked again for what it does not have'),
    retry: duration('5s', 'how long a tag is served stale after a failed check before its upstream is asked again'),
    maxManifestSize: size('16MiB', 'largest manifest that is taken from an upstream'),
    publicCheck: duration('1h', 'how long it is believed that everybody may read a repository that berth reads by a login'),
    maxSize: size('50GiB', 'mirrored content never has more than this; what is least used is evicted'),
    keepFree: size('1GiB', 'mirrored content leaves so much of its disk free, or a tenth of a smaller disk; pushes may use it'),
    downloadSpace: size(
      '20GiB',
      'disk space for all downloads in progress of a process; further blobs are passed on and not kept',
    ),
    finish: section({
      percent: wholeNumber(0, 0, 100, 'a download that nobody reads any more goes on when so much of it has come; 0: always'),
      size: size('0B', 'and however little has come, if it is not larger than this'),
    }),
    prefetch: size('0B', 'layers up to this size are fetched together with their manifest; 0B: none'),
    refresh: section({
      every: duration('6h', 'how often the images below are brought up to date'),
      images: words('images', 'images to have here at any time, such as docker.io/library/alpine:3; never evicted'),
      platforms: words('platforms', 'of these images, such as linux/amd64, or all; default: the platform of this machine'),
    }),
    directory: optional(text('', 'folder for downloads in progress; default: in storage.blobs.directory')),
    timeouts: section({
      connect: duration('5s', 'to a connection with an upstream'),
      headers: duration('20s', "to an upstream's answer; clients wait for 30 seconds"),
      idle: duration('30s', 'between two pieces of a download'),
    }),
    proxy: section({
      http: optional(text('', 'proxy for the way out to http:// upstreams; default: HTTP_PROXY')),
      https: optional(text('', 'proxy for the way out to https:// upstreams; default: HTTPS_PROXY')),
      none: optional(text('', 'hosts that are reached without a proxy; default: NO_PROXY')),
    }),
  }),
  metrics: section({
    listen: optional(address('', 'address of its own for /metrics, plain HTTP; default: beside the registry')),
    token: secret('bearer token that /metrics asks for'),
  }),
  log: section({
    level: choice(['info', 'debug', 'warn', 'error', 'silent'], 'least important message that is written'),
    format: optional(choice(['json', 'pretty'], 'default: pretty on a terminal, else json')),
  }),
});

export type Config = Parsed<typeof schema>;
