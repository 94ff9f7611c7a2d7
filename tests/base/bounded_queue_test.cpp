#include "core/base/bounded_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace salvor {
namespace {

TEST(BoundedQueue, ValuesComeOutInOrderAndEndAfterClose)
{
    BoundedQueue<int> queue(2);
    std::jthread producer([&queue] {
        for (int i = 0; i < 100; ++i)
            queue.push(i);
        queue.close();
    });

    int expected = 0;
    while (const auto value = queue.pop())
        EXPECT_EQ(*value, expected++);
    EXPECT_EQ(expected, 100);
}

TEST(BoundedQueue, FullQueueMakesTheProducerWaitUntilItIsClosed)
{
    BoundedQueue<int> queue(1);
    ASSERT_TRUE(queue.push(1));
    std::atomic<bool> accepted{true};
    std::jthread producer([&] { accepted = queue.push(2); });

    queue.close();
    producer.join();

    // Either it waited and was turned away, or it came after the close: dropped both times.
    EXPECT_FALSE(accepted);
    EXPECT_EQ(queue.pop(), 1);
    EXPECT_FALSE(queue.pop());
}

} // namespace
} // namespace salvor
