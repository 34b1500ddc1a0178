/** Returns the arguments of the commands of a program that the view of an image shows: by tag, and by digest. */
export async function pageCommands(
  server: { readonly host: string },
  reference: string,
  program: string,
): Promise<readonly (readonly string[])[]> {
  const page = await (await fetch(`http://${server.host}/ui/r/${reference}`)).text();
  const commands = [...page.matchAll(/<div class="copy"><code[^>]*>([^<]*)<\/code>/g)].map(([, command = '']) =>
    command.split(' '),
  );
  const found = commands.filter(([first]) => first === program).map(([, ...args]) => args);
  if (found.length !== 2) throw new Error(`the view of ${reference} shows ${found.length} commands of ${program}, not 2`);
  return found;
}
