/** What `render` writes: text by path. */

/** Path (relative to `deploy/`, with `/`) → whole text, ending in a newline. */
export type Rendered = ReadonlyMap<string, string>

/** The files of `templates/`, by path relative to it: read once by the shell, since `render/` touches no disk. */
export type Templates = ReadonlyMap<string, string>
