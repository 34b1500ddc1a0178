import { entries, list, optional, section, text, words } from './keys.ts';

/** Keys of the rules for signed images. */
export const signatures = section({
  signers: entries({}, 'signers of images, by name (docs/signatures.md)', {
    cosignKeys: words('files', 'public keys of cosign, in PEM'),
    notationCertificates: words('files', 'certificates that notation signs with, or of authorities that issue them, in PEM'),
    timestampCertificates: words('files', 'certificates of authorities that prove when notation has signed, in PEM'),
    identities: list('identities that cosign signs with, without a key (needs signatures.trustedRoot)', {
      issuer: text('', 'URL of the OpenID Connect issuer, such as https://token.actions.githubusercontent.com'),
      subject: text('', 'e-mail address or URI of the identity; each * stands for any characters'),
    }),
  }),
  trustedRoot: optional(text('', 'file with the trusted root of Sigstore, in JSON, for identities')),
  rules: list('images that may only be pulled and tagged when they are signed; the first rule that matches applies', {
    match: words('patterns', 'repositories that the rule is for, such as prod/**'),
    signers: words('names', 'signers of which one must have signed the image'),
  }),
});
