// Parts of the core that the tests call one by one; no part of the program.
import { ToClient } from './rewrite/to-client';
import { ToServer } from './rewrite/to-server';

export function toServerSwitch(packet: usize, tcp: usize, vnet: usize, entry: usize): void {
  ToServer.switch(packet, tcp, vnet, entry);
}

export function toServerAgent(
  packet: usize,
  tcp: usize,
  end: usize,
  vnet: usize,
  entry: usize,
): void {
  ToServer.agent(packet, tcp, end, vnet, entry);
}

export function toClientAgent(
  packet: usize,
  tcp: usize,
  end: usize,
  vnet: usize,
  entry: usize,
): void {
  ToClient.agent(packet, tcp, end, vnet, entry);
}
