#include "core/base/text.h"
#include "core/crypto/aead.h"
#include "core/crypto/derive.h"
#include "core/crypto/hash.h"
#include "core/crypto/random.h"
#include "core/crypto/x25519.h"

#include <gtest/gtest.h>

namespace salvor::crypto {

namespace {

Bytes hex(std::string_view text)
{
    return *fromHex(text);
}

TEST(Sha256, HashesTheStandardsExampleAndCanBeUsedAgain)
{
    Sha256 hash;
    const std::string expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    hash.add(asBytes("ab"));
    hash.add(asBytes("c"));

    EXPECT_EQ(toHex(hash.finish()), expected);
    hash.add(asBytes("abc"));
    EXPECT_EQ(toHex(hash.finish()), expected);
    EXPECT_EQ(toHex(sha256(asBytes("abc"))), expected);
}

// RFC 4231, test case 2.
TEST(HmacSha256, HashesTheRfcExampleAndCanBeUsedAgain)
{
    HmacSha256 hash(asBytes("Jefe"));
    const std::string expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";

    EXPECT_EQ(toHex(hash.of(asBytes("what do ya want for nothing?"))), expected);
    EXPECT_EQ(toHex(hash.of(asBytes("what do ya want for nothing?"))), expected);
}

// RFC 5869, test cases 1 and 3; the first 32 bytes of their output.
TEST(Hkdf, DerivesTheRfcExamples)
{
    const Bytes key(22, std::byte{0x0b});
    const Bytes salt = hex("000102030405060708090a0b0c");
    const Bytes info = hex("f0f1f2f3f4f5f6f7f8f9");

    EXPECT_EQ(toHex(hkdf(key, salt, ByteView(info)).reveal()),
              "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
    EXPECT_EQ(toHex(hkdf(key, {}, ByteView()).reveal()),
              "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");
}

// RFC 7914, section 12, second example, its first 32 bytes.
TEST(Scrypt, DerivesTheRfcExampleAndDependsOnTheSalt)
{
    const ScryptCost small{.n = 1024, .r = 8, .p = 16};

    const auto key = scrypt(asBytes("password"), asBytes("NaCl"), small);

    EXPECT_EQ(toHex(key->reveal()),
              "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162");
    EXPECT_NE(scrypt(asBytes("password"), asBytes("KCl"), small)->revealText(), key->revealText());
}

TEST(Scrypt, RefusesACostThatIsOutOfRange)
{
    for (const ScryptCost cost :
         {ScryptCost{1000, 8, 1}, ScryptCost{1U << 21U, 8, 1}, ScryptCost{1024, 0, 1},
          ScryptCost{1024, 8, 17}, ScryptCost{0, 8, 1}})
        EXPECT_EQ(scrypt(asBytes("p"), asBytes("s"), cost).error().code, ErrorCode::InvalidInput);
}

// NIST's GCM example (test case 16 of the specification).
TEST(AesGcm, SealsTheStandardsExample)
{
    AesGcm cipher(hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"));
    Nonce nonce{};
    const Bytes given = hex("cafebabefacedbaddecaf888");
    std::copy(given.begin(), given.end(), nonce.begin());
    const Bytes aad = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
    const Bytes plain = hex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
                            "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39");

    const Bytes sealed = cipher.seal(nonce, aad, plain);

    EXPECT_EQ(toHex(sealed), "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
                             "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
                             "76fc6ece0f4e1768cddf8853bb2d551b");
    Bytes opened(plain.size());
    EXPECT_TRUE(cipher.open(nonce, aad, sealed, opened));
    EXPECT_EQ(opened, plain);
}

TEST(AesGcm, WorksInPlace)
{
    AesGcm cipher(Bytes(keySize, std::byte{7}));
    Bytes buffer(116, std::byte{1});

    cipher.seal(nonceOf(5), {}, ByteView(buffer).first(100), buffer);

    EXPECT_TRUE(cipher.open(nonceOf(5), {}, buffer, buffer));
    EXPECT_EQ(Bytes(buffer.begin(), buffer.begin() + 100), Bytes(100, std::byte{1}));
}

TEST(AesGcm, AnyChangeKeepsItShut)
{
    AesGcm cipher(Bytes(keySize, std::byte{7}));
    const Bytes sealed = cipher.seal(nonceOf(1), asBytes("about"), asBytes("plain"));
    Bytes out(sealed.size());
    for (std::size_t i = 0; i < sealed.size() * 8; ++i) {
        Bytes flipped = sealed;
        flipped[i / 8] ^= std::byte{1} << (i % 8);
        EXPECT_FALSE(cipher.open(nonceOf(1), asBytes("about"), flipped, out));
    }
    for (std::size_t i = 0; i < sealed.size(); ++i)
        EXPECT_FALSE(cipher.open(nonceOf(1), asBytes("about"), ByteView(sealed).first(i), out));
    EXPECT_FALSE(cipher.open(nonceOf(2), asBytes("about"), sealed, out));
    EXPECT_FALSE(cipher.open(nonceOf(1), asBytes("abouT"), sealed, out));
    EXPECT_TRUE(cipher.open(nonceOf(1), asBytes("about"), sealed, out));
}

TEST(AesGcm, TheNonceIsTheNumberLittleEndian)
{
    EXPECT_EQ(toHex(nonceOf(0x0102)), "020100000000000000000000");
}

TEST(X25519, BothSidesFindTheSameSecret)
{
    const Bytes alice = hex("77076d0a7318a57d3c16c17251b26645df4c2f92ebc099c5c4e0e1c1d1e1f1a1");
    const auto bob = newKeyPair();
    const Secret alicePrivate{ByteView(alice)};

    const auto one = sharedSecret(alicePrivate, bob->publicKey);
    const auto other = sharedSecret(bob->privateKey, *publicKeyOf(alicePrivate));

    ASSERT_TRUE(one.ok() && other.ok());
    EXPECT_EQ(one->revealText(), other->revealText());
}

TEST(X25519, RefusesKeysThatAreNone)
{
    const auto pair = newKeyPair();

    EXPECT_EQ(publicKeyOf(Secret(std::string_view("short"))).error().code, ErrorCode::InvalidInput);
    EXPECT_EQ(sharedSecret(pair->privateKey, Bytes(31)).error().code, ErrorCode::InvalidInput);
    EXPECT_EQ(sharedSecret(pair->privateKey, Bytes(32)).error().code, ErrorCode::InvalidInput);
}

TEST(RandomBytes, DifferEachTime)
{
    EXPECT_NE(*randomBytes(32), *randomBytes(32));
}

TEST(ConstantTime, ComparesBytesAndLengths)
{
    EXPECT_TRUE(equalInConstantTime(asBytes("abc"), asBytes("abc")));
    EXPECT_FALSE(equalInConstantTime(asBytes("abc"), asBytes("abd")));
    EXPECT_FALSE(equalInConstantTime(asBytes("abc"), asBytes("abcd")));
}

} // namespace

} // namespace salvor::crypto
