/** A server's options as its command line has them: `{ '--port': 80 }` → `--port`, `80`. Null leaves one out. */
export function flags(values: Readonly<Record<string, string | number | null>>): string[] {
  return Object.entries(values).flatMap(([name, value]) => (value === null ? [] : [name, String(value)]))
}
