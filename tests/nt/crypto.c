// SPDX-License-Identifier: MIT
/* CryptoAPI (advapi32): the providers that Windows has by default are there, and what they compute is right. */
#include "check.h"
#include <stdbool.h>
#include <string.h>
#include <wincrypt.h>

/* FIPS 180-4, example of SHA-256: the digest of "abc". */
static const BYTE sha256_abc[32] = { 0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
	0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad };

CASE(each_type_has_a_default_provider_with_random_bytes)
{
	static const DWORD types[] = { PROV_RSA_FULL, PROV_RSA_AES, PROV_DSS, PROV_DSS_DH, PROV_RSA_SCHANNEL };
	for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		HCRYPTPROV provider = 0;
		BYTE one[16] = { 0 }, two[16] = { 0 };
		CHECK(CryptAcquireContextA(&provider, NULL, NULL, types[i], CRYPT_VERIFYCONTEXT));
		CHECK(CryptGenRandom(provider, sizeof(one), one) && CryptGenRandom(provider, sizeof(two), two));
		CHECK(memcmp(one, two, sizeof(one)));
		CHECK(CryptReleaseContext(provider, 0));
	}
}

CASE(a_digest_is_right)
{
	HCRYPTPROV provider = 0;
	HCRYPTHASH hash = 0;
	BYTE digest[32];
	DWORD size = sizeof(digest);
	CHECK(CryptAcquireContextA(&provider, NULL, NULL, PROV_RSA_AES, CRYPT_VERIFYCONTEXT));
	CHECK(CryptCreateHash(provider, CALG_SHA_256, 0, 0, &hash));
	CHECK(CryptHashData(hash, (const BYTE *)"abc", 3, 0));
	CHECK(CryptGetHashParam(hash, HP_HASHVAL, digest, &size, 0) && size == 32 && !memcmp(digest, sha256_abc, 32));
	CHECK(CryptDestroyHash(hash) && CryptReleaseContext(provider, 0));
}

CASE(what_is_encrypted_comes_back)
{
	HCRYPTPROV provider = 0;
	HCRYPTKEY key = 0;
	BYTE text[48] = "a text that is encrypted";
	DWORD size = 25;
	CHECK(CryptAcquireContextA(&provider, NULL, NULL, PROV_RSA_AES, CRYPT_VERIFYCONTEXT));
	CHECK(CryptGenKey(provider, CALG_AES_256, CRYPT_EXPORTABLE, &key));
	CHECK(CryptEncrypt(key, 0, TRUE, 0, text, &size, sizeof(text)) && size == 32 && memcmp(text, "a text", 6));
	CHECK(CryptDecrypt(key, 0, TRUE, 0, text, &size) && size == 25 && !strcmp((char *)text, "a text that is encrypted"));
	CHECK(CryptDestroyKey(key) && CryptReleaseContext(provider, 0));
}

CASE(a_container_keeps_its_key)
{
	HCRYPTPROV provider = 0;
	HCRYPTKEY key = 0;
	BYTE first[512], again[512];
	DWORD first_size = sizeof(first), again_size = sizeof(again);
	CryptAcquireContextA(&provider, "ambos-test", MS_ENHANCED_PROV_A, PROV_RSA_FULL, CRYPT_DELETEKEYSET);
	CHECK_ERROR(CryptAcquireContextA(&provider, "ambos-test", MS_ENHANCED_PROV_A, PROV_RSA_FULL, 0), NTE_BAD_KEYSET);
	CHECK(CryptAcquireContextA(&provider, "ambos-test", MS_ENHANCED_PROV_A, PROV_RSA_FULL, CRYPT_NEWKEYSET));
	CHECK(CryptGenKey(provider, AT_SIGNATURE, 512u << 16, &key));
	CHECK(CryptExportKey(key, 0, PUBLICKEYBLOB, 0, first, &first_size));
	CHECK(CryptDestroyKey(key) && CryptReleaseContext(provider, 0));
	CHECK(CryptAcquireContextA(&provider, "ambos-test", MS_ENHANCED_PROV_A, PROV_RSA_FULL, 0));
	CHECK(CryptGetUserKey(provider, AT_SIGNATURE, &key));
	CHECK(CryptExportKey(key, 0, PUBLICKEYBLOB, 0, again, &again_size));
	CHECK(first_size == again_size && !memcmp(first, again, first_size));
	CHECK(CryptDestroyKey(key) && CryptReleaseContext(provider, 0));
	CHECK(CryptAcquireContextA(&provider, "ambos-test", MS_ENHANCED_PROV_A, PROV_RSA_FULL, CRYPT_DELETEKEYSET));
}

int main(void)
{
	RUN(each_type_has_a_default_provider_with_random_bytes);
	RUN(a_digest_is_right);
	RUN(what_is_encrypted_comes_back);
	RUN(a_container_keeps_its_key);
	return check_summary();
}
