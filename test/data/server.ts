/** A file server on localhost that misbehaves where it is told to. */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Behaviour {
  /** Answers only with whole files. */
  readonly ignoresRanges?: boolean;
  /** Cuts the connection after so many bytes of a body. */
  readonly cutAfter?: number;
  /** Says nothing of the length, and so cannot be caught cutting. */
  readonly hidesLength?: boolean;
  readonly status?: number;
  /** Answers everything by itself. */
  readonly instead?: (response: ServerResponse, range: string | undefined) => void;
}

export interface FileServer {
  readonly url: string;
  /** By path. */
  readonly files: Record<string, Buffer>;
  behaviour: Behaviour;
  /** The path, and the range where one was asked for, of each request. */
  readonly asked: string[];
  close(): Promise<void>;
}

export async function serveFiles(): Promise<FileServer> {
  const files: Record<string, Buffer> = {};
  const asked: string[] = [];
  const server = createServer((request, response) => answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const result: FileServer = {
    url: `http://127.0.0.1:${port}`,
    files,
    behaviour: {},
    asked,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };

  function answer({ url = '', headers }: IncomingMessage, response: ServerResponse): void {
    const { ignoresRanges, cutAfter, hidesLength, status, instead } = result.behaviour;
    asked.push([url, ...(headers.range === undefined ? [] : [headers.range])].join(' '));
    if (instead !== undefined) {
      instead(response, headers.range);
      return;
    }
    if (url.startsWith('/moved')) {
      response.writeHead(302, { location: url.slice('/moved'.length) }).end();
      return;
    }
    const file = files[url];
    if (file === undefined || status !== undefined) {
      response.writeHead(status ?? 404).end('no such file');
      return;
    }
    const start = ignoresRanges ? 0 : Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0);
    if (start > 0 && start >= file.length) {
      response.writeHead(416, { 'content-range': `bytes */${file.length}` }).end();
      return;
    }
    const body = file.subarray(start);
    const range = start > 0 ? { 'content-range': `bytes ${start}-${file.length - 1}/${file.length}` } : {};
    const length = hidesLength ? {} : { 'content-length': body.length };
    response.writeHead(start > 0 ? 206 : 200, { ...range, ...length });
    if (cutAfter === undefined) response.end(body);
    else response.write(body.subarray(0, cutAfter), () => setTimeout(() => response.destroy(), 20));
  }
  return result;
}
