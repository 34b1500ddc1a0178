import { type Html, html } from '../shell/html.ts';
import type { Texts } from '../texts/english/texts.ts';
import { copyField } from './copy-field.ts';

/** Returns what different clients run to pull an image; the last one is the bare reference. */
export function pullCommands(reference: string): readonly string[] {
  return [
    `docker pull ${reference}`,
    `podman pull ${reference}`,
    `ctr images pull ${reference}`,
    `skopeo copy docker://${reference} oci:image`,
    reference,
  ];
}

/** Shows the command of docker, and those of other clients on demand. */
export function pullFields(texts: Texts, reference: string): Html {
  const [docker = '', ...others] = pullCommands(reference);
  return html`${copyField(docker)}
    <details>
      <summary>${texts.tags.otherClients}</summary>
      ${others.map((command) => copyField(command))}
    </details>`;
}

/** Shows what docker runs to push an image under this name. */
export function pushFields(reference: string): Html {
  return html`${copyField(`docker tag IMAGE ${reference}`)} ${copyField(`docker push ${reference}`)}`;
}

/** Returns what a person runs to sign in with docker; it asks for the password. */
export function loginCommand(host: string, account: string): string {
  return `docker login ${host} -u ${account}`;
}

/** Returns what a CI job runs to sign in, by the name of the CI system. The secret is the variable `BERTH_SECRET` of the job. */
export function ciSnippets(host: string, account: string): readonly (readonly [system: string, snippet: string])[] {
  const login = `echo "$BERTH_SECRET" | docker login ${host} -u ${account} --password-stdin`;
  return [
    ['GitHub Actions', `- run: ${login}\n  env: { BERTH_SECRET: "\${{ secrets.BERTH_SECRET }}" }`],
    ['GitLab CI', `before_script:\n  - ${login}`],
  ];
}
