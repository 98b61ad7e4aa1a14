/* address.h - which addresses a webhook may be sent to. */
#ifndef COURIER_ADDRESS_H
#define COURIER_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

/** Whether it is one of the public internet: not private, loopback,
 *  link-local, multicast or reserved, nor an IPv6 address that leads to such
 *  an IPv4 address. False for other families, too. */
bool address_is_public(const struct sockaddr *address);

#endif
