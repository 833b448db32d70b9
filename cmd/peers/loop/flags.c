/* The least that a program built on libpcap can do: read a capture of
   Ethernet frames and count the flags of its TCP segments. */
#include <pcap/pcap.h>
#include <stdio.h>

static unsigned long packets, segments, flags[8];

static void count(unsigned char *user, const struct pcap_pkthdr *h, const unsigned char *p) {
	unsigned char f;
	size_t at;
	(void)user;
	packets++;
	if (h->caplen < 34)
		return;
	if (p[12] == 0x08 && p[13] == 0x00 && p[23] == 6)
		at = 14 + (p[14] & 15) * 4;
	else if (p[12] == 0x86 && p[13] == 0xdd && p[20] == 6)
		at = 54;
	else
		return;
	if (h->caplen < at + 14)
		return;
	segments++;
	f = p[at + 13];
	for (int i = 0; i < 8; i++)
		flags[i] += f >> i & 1;
}

int main(int argc, char **argv) {
	char err[PCAP_ERRBUF_SIZE];
	pcap_t *p = argc > 1 ? pcap_open_offline(argv[1], err) : NULL;
	if (!p || pcap_loop(p, -1, count, NULL) != 0)
		return 1;
	printf("%lu packets, %lu segments, SYN %lu FIN %lu RST %lu\n", packets, segments, flags[1], flags[0], flags[2]);
	return 0;
}
