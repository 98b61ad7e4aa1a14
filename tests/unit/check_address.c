/* check_address.c - tests of courier/address.c. */
#include "unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

#include "courier/address.h"

static const struct {
    const char *text;
    bool is_public;
} rows[] = {
    { "8.8.8.8", true },
    { "1.1.1.1", true },
    { "9.255.255.255", true },
    { "10.0.0.0", false },
    { "10.255.255.255", false },
    { "11.0.0.0", true },
    { "0.0.0.0", false },
    { "127.0.0.1", false },
    { "127.255.255.255", false },
    { "100.63.255.255", true },
    { "100.64.0.0", false },
    { "100.127.255.255", false },
    { "100.128.0.0", true },
    { "169.254.169.254", false },
    { "172.15.255.255", true },
    { "172.16.0.0", false },
    { "172.31.255.255", false },
    { "172.32.0.0", true },
    { "192.168.1.1", false },
    { "192.0.0.1", false },
    { "192.0.2.1", false },
    { "192.88.99.1", false },
    { "192.1.0.1", true },
    { "198.17.255.255", true },
    { "198.18.0.1", false },
    { "198.19.255.255", false },
    { "198.51.100.1", false },
    { "203.0.113.1", false },
    { "223.255.255.255", true },
    { "224.0.0.1", false },
    { "239.255.255.255", false },
    { "240.0.0.1", false },
    { "255.255.255.255", false },
    { "2606:4700:4700::1111", true },
    { "2a00:1450:4001::1", true },
    { "::", false },
    { "::1", false },
    { "::7f00:1", false },
    { "::ffff:127.0.0.1", false },
    { "::ffff:10.1.2.3", false },
    { "::ffff:8.8.8.8", true },
    { "64:ff9b::7f00:1", false },
    { "64:ff9b::808:808", true },
    { "64:ff9b:1::808:808", false },
    { "2002:7f00:1::", false },
    { "2002:808:808::", true },
    { "2001::1", false },
    { "2001:1ff::1", false },
    { "2001:200::1", true },
    { "2001:db8::1", false },
    { "100::1", false },
    { "fc00::1", false },
    { "fdff::1", false },
    { "fe80::1", false },
    { "fec0::1", false },
    { "ff02::1", false },
    { "4000::1", false },
};

START_TEST(test_only_addresses_of_the_internet_are_public)
{
    struct sockaddr_storage address;
    struct sockaddr_in *v4 = (struct sockaddr_in *)&address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address;

    memset(&address, 0, sizeof(address));
    if (inet_pton(AF_INET, rows[_i].text, &v4->sin_addr) == 1) {
        address.ss_family = AF_INET;
    } else {
        ck_assert_int_eq(inet_pton(AF_INET6, rows[_i].text, &v6->sin6_addr), 1);
        address.ss_family = AF_INET6;
    }
    ck_assert_msg(address_is_public((struct sockaddr *)&address) ==
                    rows[_i].is_public,
            "%s", rows[_i].text);
}
END_TEST

START_TEST(test_no_other_family_is_public)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    ck_assert(!address_is_public((struct sockaddr *)&address));
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("address");

    unit_add_rows(tc, test_only_addresses_of_the_internet_are_public, rows);
    tcase_add_test(tc, test_no_other_family_is_public);
    return unit_run("address", tc);
}
